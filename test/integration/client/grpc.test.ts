import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { after, before, describe, it } from 'node:test'
import type { Server as TlsServer } from 'node:tls'
import * as grpc from '@grpc/grpc-js'
import { type Authorizer, authorizeAny, authorizeId } from '../../../src/client/authorize.ts'
import { createGrpcChannelCredentials } from '../../../src/client/grpc-client.ts'
import { createGrpcListener } from '../../../src/client/grpc-server.ts'
import { peerIdOf } from '../../../src/client/peer-id.ts'
import { AnyServer, Party } from '../../support/party.ts'
import { TestDomain } from '../../support/test-domain.ts'

const asIs = (bytes: Buffer): Buffer => bytes
const common = {
  requestSerialize: asIs,
  requestDeserialize: asIs,
  responseSerialize: asIs,
  responseDeserialize: asIs,
}
const GREETER = {
  greet: { path: '/test.Greeter/Greet', requestStream: false, responseStream: false, ...common },
  echo: { path: '/test.Greeter/Echo', requestStream: true, responseStream: true, ...common },
} satisfies grpc.ServiceDefinition

/** Returns the SPIFFE ID of the caller. */
class Greeter implements AsyncDisposable {
  readonly refused: Error[] = []
  readonly greeted: string[] = []
  readonly #server = new grpc.Server()
  readonly #listener: TlsServer

  private constructor(party: Party, authorize: Authorizer) {
    this.#server.addService(GREETER, {
      greet: (call: grpc.ServerUnaryCall<Buffer, Buffer>, answer: grpc.sendUnaryData<Buffer>) => {
        this.greeted.push(String(peerIdOf(call)))
        answer(null, Buffer.from(`${peerIdOf(call)} from ${call.getPeer()}`))
      },
      echo: (call: grpc.ServerDuplexStream<Buffer, Buffer>) => {
        call.on('data', (data: Buffer) => call.write(Buffer.from(`${data} ${peerIdOf(call)}`)))
        call.on('end', () => call.end())
      },
    })
    this.#listener = createGrpcListener(grpc, this.#server, party.with(authorize))
    this.#listener.on('tlsClientError', (error) => void this.refused.push(error))
  }

  static async listen(party: Party, authorize: Authorizer): Promise<Greeter> {
    const greeter = new Greeter(party, authorize)
    greeter.#listener.listen(0, '127.0.0.1')
    await once(greeter.#listener, 'listening')
    return greeter
  }

  get address(): string {
    return `127.0.0.1:${(this.#listener.address() as AddressInfo).port}`
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close()
    await new Promise<void>((resolve) => this.#server.tryShutdown(() => resolve()))
  }
}

class GreeterClient implements Disposable {
  readonly #client: grpc.Client

  constructor(address: string, credentials: grpc.ChannelCredentials, options: grpc.ChannelOptions = {}) {
    this.#client = new grpc.Client(address, credentials, options)
  }

  greet(): Promise<string> {
    const { promise, resolve, reject } = Promise.withResolvers<string>()
    this.#client.makeUnaryRequest(
      GREETER.greet.path,
      asIs,
      asIs,
      Buffer.from('hello'),
      { deadline: Date.now() + 5_000 },
      (error, answer) => (error ? reject(error) : resolve(String(answer))),
    )
    return promise
  }

  echo(): grpc.ClientDuplexStream<Buffer, Buffer> {
    return this.#client.makeBidiStreamRequest(GREETER.echo.path, asIs, asIs)
  }

  [Symbol.dispose](): void {
    this.#client.close()
  }
}

const SERVER = 'spiffe://example.org/server'
const CLIENT = 'spiffe://example.org/client'

describe('gRPC with mutual TLS by SPIFFE ID', () => {
  let domain: TestDomain
  let server: Party
  let client: Party
  before(async () => {
    domain = await TestDomain.create()
    server = await Party.start(domain, '/server')
    client = await Party.start(domain, '/client')
  })
  after(async () => {
    await server?.[Symbol.asyncDispose]()
    await client?.[Symbol.asyncDispose]()
  })
  const to = (greeter: Greeter, authorize: Authorizer, party = client): GreeterClient =>
    new GreeterClient(greeter.address, createGrpcChannelCredentials(grpc, party.with(authorize)))

  it('names the caller of each call', async () => {
    await using greeter = await Greeter.listen(server, authorizeId(CLIENT))
    using greeting = to(greeter, authorizeId(SERVER))
    assert.match(await greeting.greet(), new RegExp(`^${CLIENT} from 127\\.0\\.0\\.1:\\d+$`))
    assert.match(await greeting.greet(), new RegExp(CLIENT))
  })

  it('distinguishes the callers of two connections', async () => {
    await using greeter = await Greeter.listen(server, authorizeAny())
    await using other = await Party.start(domain, '/other')
    using first = to(greeter, authorizeId(SERVER))
    using second = to(greeter, authorizeId(SERVER), other)
    await Promise.all([first.greet(), second.greet(), first.greet(), second.greet()])
    assert.deepEqual(greeter.greeted.sort(), [
      CLIENT,
      CLIENT,
      'spiffe://example.org/other',
      'spiffe://example.org/other',
    ])
  })

  it('fails calls to a server with another ID, which never sees them', async () => {
    await using greeter = await Greeter.listen(server, authorizeAny())
    using greeting = to(greeter, authorizeId('spiffe://example.org/somebody-else'))
    await assert.rejects(greeting.greet(), {
      code: grpc.status.UNAVAILABLE,
      message: /example\.org\/server is not/,
    })
    assert.deepEqual(greeter.greeted, [])
    await using anybody = await AnyServer.listen(await (await TestDomain.create()).issue('/server'))
    const credentials = createGrpcChannelCredentials(grpc, client.with(authorizeAny()))
    using astray = new GreeterClient(`127.0.0.1:${anybody.port}`, credentials)
    await assert.rejects(astray.greet(), {
      code: grpc.status.UNAVAILABLE,
      message: /not a valid X\.509-SVID/,
    })
    assert.deepEqual(anybody.heard, [])
  })

  it('does not share a connection between two authorizations of one program', async () => {
    await using greeter = await Greeter.listen(server, authorizeAny())
    using welcome = to(greeter, authorizeId(SERVER))
    await welcome.greet()
    using strict = to(greeter, authorizeId('spiffe://example.org/somebody-else'))
    await assert.rejects(strict.greet(), { code: grpc.status.UNAVAILABLE })
  })

  it('runs no handler for a caller with another ID or without a certificate', async () => {
    await using greeter = await Greeter.listen(server, authorizeId('spiffe://example.org/somebody-else'))
    using greeting = to(greeter, authorizeId(SERVER))
    await assert.rejects(greeting.greet(), { code: grpc.status.UNAVAILABLE })
    const nobody = grpc.credentials.createSsl(null, null, null, { rejectUnauthorized: false })
    const options = { 'grpc.ssl_target_name_override': 'localhost' }
    using anonymous = new GreeterClient(greeter.address, nobody, options)
    await assert.rejects(anonymous.greet(), { code: grpc.status.UNAVAILABLE })
    const reasons = new Set(greeter.refused.map((error) => (error as { reason?: string }).reason))
    assert.deepEqual([...reasons].sort(), ['no_certificate', 'not_authorized'])
    assert.deepEqual(greeter.greeted, [])
  })

  it('keeps open calls through rotations, and presents the new SVID on new connections', async () => {
    await using greeter = await Greeter.listen(server, authorizeId(CLIENT))
    using lasting = to(greeter, authorizeId(SERVER))
    const stream = lasting.echo()
    const said = async (word: string): Promise<string> => {
      stream.write(Buffer.from(word))
      return String((await once(stream, 'data'))[0])
    }
    assert.equal(await said('one'), `one ${CLIENT}`)
    await domain.rotateCa()
    await Promise.all([server.rotate(), client.rotate()])
    await Promise.all([server.rotate(), client.rotate()])
    assert.equal(await said('two'), `two ${CLIENT}`)
    using fresh = to(greeter, authorizeId(SERVER))
    assert.match(await fresh.greet(), new RegExp(CLIENT))
    stream.end()
    await once(stream, 'end')
    assert.deepEqual(greeter.refused, [])
  })
})
