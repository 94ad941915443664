import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import https from 'node:https'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { after, before, describe, it } from 'node:test'
import tls, { type TLSSocket } from 'node:tls'
import {
  type Authorizer,
  authorizeAny,
  authorizeId,
  authorizeMemberOf,
} from '../../../src/client/authorize.ts'
import { connectTls } from '../../../src/client/connect-tls.ts'
import type { PeerRefusedError } from '../../../src/client/errors.ts'
import { createHttpsAgent } from '../../../src/client/https-agent.ts'
import { createHttpsServer } from '../../../src/client/https-server.ts'
import { peerIdOf } from '../../../src/client/peer-id.ts'
import { createTlsServer } from '../../../src/client/tls-server.ts'
import { AnyServer, Party, shows } from '../../support/party.ts'
import type { SentSvid } from '../../support/test-domain.ts'
import { TestDomain } from '../../support/test-domain.ts'
import { issueThroughIntermediate, WRONG_PEERS } from '../../support/wrong-peers.ts'

const PEER = 'spiffe://example.org/peer'

/** A server of ours that echoes; who is refused, and who was let in. */
class Echo implements AsyncDisposable {
  readonly refused: PeerRefusedError[] = []
  readonly served: string[] = []
  readonly server: tls.Server
  readonly #sockets = new Set<TLSSocket>()

  private constructor(server: tls.Server) {
    this.server = server
  }

  static async listen(party: Party, authorize: Authorizer): Promise<Echo> {
    const server = createTlsServer(party.with(authorize), (socket) => {
      echo.served.push(String(peerIdOf(socket)))
      echo.#sockets.add(socket)
      socket.on('error', () => {}).on('data', (data) => socket.write(data))
    })
    const echo = new Echo(server)
    server.on('tlsClientError', (error) => void echo.refused.push(error as PeerRefusedError))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return echo
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port
  }

  async nextRefusal(): Promise<PeerRefusedError> {
    while (this.refused.length === 0) await once(this.server, 'tlsClientError')
    return this.refused.shift() as PeerRefusedError
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    this.server.close()
    await once(this.server, 'close')
  }
}

/** Says something and waits for what comes back, or for the end. */
async function say(socket: TLSSocket, line: string): Promise<string | undefined> {
  socket.on('error', () => {})
  const answered = once(socket, 'data').then(([data]) => String(data))
  const closed = once(socket, 'close').then(() => undefined)
  answered.catch(() => undefined)
  socket.write(line)
  return Promise.race([answered, closed])
}

const anybody = async (
  port: number,
  svid?: Pick<SentSvid, 'x509Svid' | 'x509SvidKey'>,
): Promise<TLSSocket> => {
  const socket = tls.connect({ host: '127.0.0.1', port, ...shows(svid) })
  await once(socket, 'secureConnect')
  return socket
}

/** Ends the server also when its test fails. */
const closing = (server: tls.Server): Disposable => ({ [Symbol.dispose]: () => void server.close() })

describe('mutual TLS by SPIFFE ID', () => {
  let domain: TestDomain
  let partner: TestDomain
  let ours: Party
  let peer: Party
  before(async () => {
    domain = await TestDomain.create()
    partner = await TestDomain.create('partner.example')
    ours = await Party.start(domain, '/ours', [partner])
    peer = await Party.start(domain, '/peer', [partner])
  })
  after(async () => {
    await ours?.[Symbol.asyncDispose]()
    await peer?.[Symbol.asyncDispose]()
  })

  it('connects two programs that each know the other by its ID', async () => {
    await using echo = await Echo.listen(ours, authorizeId(PEER))
    const socket = await connectTls({
      ...peer.with(authorizeId('spiffe://example.org/ours')),
      host: '127.0.0.1',
      port: echo.port,
    })
    assert.equal(String(peerIdOf(socket)), 'spiffe://example.org/ours')
    assert.equal(socket.getProtocol(), 'TLSv1.3')
    assert.equal(await say(socket, 'hello'), 'hello')
    assert.deepEqual(echo.served, [PEER])
    socket.destroy()
  })

  it('lets in a federated trust domain by its own bundle, and chains with an intermediate', async () => {
    await using echo = await Echo.listen(ours, authorizeMemberOf('example.org', 'partner.example'))
    for (const svid of [await partner.issue('/peer'), await issueThroughIntermediate(domain, '/peer')]) {
      const socket = await anybody(echo.port, svid)
      assert.equal(await say(socket, 'hello'), 'hello')
      assert.equal(echo.served.pop(), svid.spiffeId)
      socket.destroy()
      await using server = await AnyServer.listen(svid)
      const back = await connectTls({
        ...ours.with(authorizeId(svid.spiffeId)),
        host: '127.0.0.1',
        port: server.port,
      })
      assert.equal(String(peerIdOf(back)), svid.spiffeId)
      back.destroy()
    }
  })

  for (const { what, says, make } of WRONG_PEERS) {
    it(`refuses a client with a certificate ${what}, whoever is authorized`, async () => {
      await using echo = await Echo.listen(ours, authorizeAny())
      const socket = await anybody(echo.port, await make(domain, partner))
      assert.equal(await say(socket, 'let me in'), undefined)
      const refusal = await echo.nextRefusal()
      assert.equal(refusal.reason, 'not_valid')
      assert.match(refusal.message, says)
      assert.deepEqual(echo.served, [])
    })

    it(`refuses a server with a certificate ${what}, before it is told anything`, async () => {
      await using server = await AnyServer.listen((await make(domain, partner)) as SentSvid)
      await assert.rejects(
        connectTls({ ...ours.with(authorizeAny()), host: '127.0.0.1', port: server.port }),
        { code: 'ERR_CLIENT_PEER_REFUSED', reason: 'not_valid', message: says },
      )
      const agent = createHttpsAgent(ours.with(authorizeAny()))
      const request = https.get({ agent, host: '127.0.0.1', port: server.port, path: '/secret' })
      const [error] = (await once(request, 'error')) as [PeerRefusedError]
      assert.equal(error.reason, 'not_valid')
      assert.deepEqual(server.heard, [])
    })
  }

  it('refuses a client without a certificate', async () => {
    await using echo = await Echo.listen(ours, authorizeAny())
    const socket = await anybody(echo.port)
    assert.equal(await say(socket, 'let me in'), undefined)
    assert.equal((await echo.nextRefusal()).reason, 'no_certificate')
    assert.deepEqual(echo.served, [])
  })

  it('refuses openssl s_client without a certificate', async () => {
    await using echo = await Echo.listen(ours, authorizeAny())
    const args = ['s_client', '-connect', `127.0.0.1:${echo.port}`, '-quiet', '-verify_quiet']
    const child = spawn('openssl', args, { stdio: ['pipe', 'pipe', 'ignore'] })
    child.stdin.on('error', () => {})
    child.stdin.write('let me in\n')
    const output = await text(child.stdout)
    assert.equal(output, '')
    assert.equal((await echo.nextRefusal()).reason, 'no_certificate')
    assert.deepEqual(echo.served, [])
  })

  const NO: readonly (readonly [string, Authorizer, RegExp])[] = [
    [
      'another ID is wanted',
      authorizeId('spiffe://example.org/somebody-else'),
      /example\.org\/peer is not auth/,
    ],
    ['another trust domain is wanted', authorizeMemberOf('partner.example'), /is not authorized/],
    ['the function says false', () => false, /is not authorized/],
    ['the function says nothing', (() => undefined) as unknown as Authorizer, /is not authorized/],
    ['the function answers later', (async () => true) as unknown as Authorizer, /is not authorized/],
    [
      'the function throws',
      () => {
        throw new RangeError('not on a Sunday')
      },
      /not on a Sunday/,
    ],
  ]
  for (const [when, authorize, message] of NO) {
    it(`refuses a peer when ${when}, on both sides`, async () => {
      await using echo = await Echo.listen(ours, authorize)
      const socket = await connectTls({ ...peer.with(authorizeAny()), host: '127.0.0.1', port: echo.port })
      assert.equal(await say(socket, 'let me in'), undefined)
      const refusal = await echo.nextRefusal()
      assert.equal(refusal.reason, 'not_authorized')
      assert.equal(refusal.peerId, PEER)
      assert.match(refusal.message, message)
      assert.deepEqual(echo.served, [])
      await using server = await AnyServer.listen(await domain.issue('/peer'))
      await assert.rejects(connectTls({ ...ours.with(authorize), host: '127.0.0.1', port: server.port }), {
        code: 'ERR_CLIENT_PEER_REFUSED',
        reason: 'not_authorized',
        peerId: PEER,
        message,
      })
      assert.deepEqual(server.heard, [])
    })
  }

  it('keeps a refused connection from every listener, also from those before ours', async () => {
    const heard: string[] = []
    const server = createTlsServer(ours.with(authorizeId(PEER)))
    using _closing = closing(server)
    server.prependListener('secureConnection', () => heard.push('first'))
    server.once('secureConnection', () => heard.push('once'))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const refused = once(server, 'tlsClientError')
    const { port } = server.address() as AddressInfo
    await say(await anybody(port, await domain.issue('/other')), 'let me in')
    await refused
    assert.deepEqual(heard, [])
  })

  it('resumes no session: a resumed one would prove no key', async () => {
    await using echo = await Echo.listen(ours, authorizeId(PEER))
    const svid = await domain.issue('/peer')
    const sessions: Buffer[] = []
    const first = tls.connect({ host: '127.0.0.1', port: echo.port, ...shows(svid) })
    first.on('session', (session) => sessions.push(session))
    await once(first, 'secureConnect')
    assert.equal(await say(first, 'hello'), 'hello')
    const session = sessions[0] ?? first.getSession()
    const again = tls.connect({
      host: '127.0.0.1',
      port: echo.port,
      ...shows(svid),
      ...(session && { session }),
    })
    await once(again, 'secureConnect')
    assert.equal(again.isSessionReused(), false)
    first.destroy()
    again.destroy()
  })

  it('resumes none either when a program makes its server keep sessions', async () => {
    const kept = new Map<string, Buffer>()
    await using echo = await Echo.listen(ours, authorizeId(PEER))
    echo.server.on('newSession', (id: Buffer, data: Buffer, done: () => void) => {
      kept.set(id.toString('hex'), data)
      done()
    })
    echo.server.on('resumeSession', (id: Buffer, done: (error: null, data: Buffer | null) => void) =>
      done(null, kept.get(id.toString('hex')) ?? null),
    )
    const where = { host: '127.0.0.1', port: echo.port, ...shows(await domain.issue('/peer')) }
    const first = tls.connect(where)
    const [session] = (await once(first, 'session')) as [Buffer]
    first.destroy()
    assert.ok(kept.size > 0)
    const again = tls.connect({ ...where, session })
    await once(again, 'secureConnect')
    assert.equal(again.isSessionReused(), false)
    again.destroy()
  })

  it('knows nobody whom it has not verified', async () => {
    await using server = await AnyServer.listen(await domain.issue('/peer'))
    const socket = await anybody(server.port)
    assert.throws(() => peerIdOf(socket), TypeError)
    socket.destroy()
  })

  it('gives a connection up at its signal, and one that is refused by the network with the error of that', async () => {
    await using server = await AnyServer.listen(await domain.issue('/peer'))
    const mtls = ours.with(authorizeAny())
    const where = { host: '127.0.0.1', port: server.port }
    await assert.rejects(connectTls({ ...mtls, ...where, signal: AbortSignal.abort() }), {
      name: 'AbortError',
    })
    await assert.rejects(connectTls({ ...mtls, host: '127.0.0.1', port: 1 }), { code: 'ECONNREFUSED' })
  })
})

describe('a rotation', () => {
  it('of SVIDs and CA goes unnoticed by connections, and every new one shows what is current', async () => {
    const domain = await TestDomain.create()
    await using server = await Party.start(domain, '/server')
    await using client = await Party.start(domain, '/client')
    await using echo = await Echo.listen(server, authorizeId('spiffe://example.org/client'))
    const where = { host: '127.0.0.1', port: echo.port }
    const connect = (): Promise<TLSSocket> =>
      connectTls({ ...client.with(authorizeId('spiffe://example.org/server')), ...where })
    const serialOf = (socket: TLSSocket): string => socket.getPeerX509Certificate()?.serialNumber ?? ''
    const lasting = await connect()
    const serials = new Set([serialOf(lasting)])
    for (let round = 0; round < 4; round += 1) {
      if (round === 1) await domain.rotateCa()
      // Whoever hears of the new CA first must not trouble the other: both bundles come before the SVIDs of the new CA.
      if (round === 1) for (const party of [server, client]) await party.rotate()
      await server.rotate()
      await client.rotate()
      const socket = await connect()
      assert.equal(await say(socket, `new ${round}`), `new ${round}`)
      serials.add(serialOf(socket))
      socket.destroy()
      assert.equal(await say(lasting, `old ${round}`), `old ${round}`)
    }
    assert.equal(serials.size, 5)
    assert.deepEqual(echo.refused, [])
    lasting.destroy()
  })

  it('takes effect on trust, too: a trust domain that is no longer federated is refused from then on', async () => {
    const [domain, partner] = await Promise.all([TestDomain.create(), TestDomain.create('partner.example')])
    await using server = await Party.start(domain, '/server', [partner])
    await using echo = await Echo.listen(server, authorizeAny())
    const svid = await partner.issue('/peer')
    const first = await anybody(echo.port, svid)
    assert.equal(await say(first, 'hello'), 'hello')
    await server.rotate()
    assert.equal(await say(await anybody(echo.port, svid), 'hello'), undefined)
    assert.equal((await echo.nextRefusal()).reason, 'not_valid')
    first.destroy()
  })

  it('that took the SVID away makes a server refuse every handshake, until it has one again', async () => {
    const domain = await TestDomain.create()
    await using server = await Party.start(domain, '/server')
    await using client = await Party.start(domain, '/client')
    await using echo = await Echo.listen(server, authorizeAny())
    const where = { ...client.with(authorizeAny()), host: '127.0.0.1', port: echo.port }
    await server.withdraw()
    await assert.rejects(connectTls(where), { code: 'ECONNRESET' })
    assert.equal((await echo.nextRefusal()).code as string, 'ERR_CLIENT_NO_SVID')
    await client.withdraw()
    await assert.rejects(connectTls(where), { code: 'ERR_CLIENT_NO_SVID' })
    await Promise.all([server.restore(), client.restore()])
    const socket = await connectTls(where)
    assert.equal(await say(socket, 'hello'), 'hello')
    socket.destroy()
  })
})

describe('HTTPS', () => {
  const get = async (agent: https.Agent, port: number): Promise<string> => {
    const request = https.get({ agent, host: '127.0.0.1', port, path: '/' })
    const [response] = await once(request, 'response')
    return text(response)
  }

  it('names the peer of each request, over kept connections and rotations', async () => {
    const domain = await TestDomain.create()
    await using server = await Party.start(domain, '/server')
    await using client = await Party.start(domain, '/client')
    const listening = createHttpsServer(
      server.with(authorizeId('spiffe://example.org/client')),
      (request, response) => response.end(`${peerIdOf(request)} ${request.socket.remotePort}`),
    ).listen(0, '127.0.0.1')
    await once(listening, 'listening')
    using _closing = closing(listening)
    const { port } = listening.address() as AddressInfo
    const mtls = client.with(authorizeId('spiffe://example.org/server'))
    const [kept, single] = [createHttpsAgent({ ...mtls, keepAlive: true }), createHttpsAgent(mtls)]
    const answers: string[][] = [[], []]
    for (let round = 0; round < 3; round += 1) {
      answers[0]?.push(await get(kept, port))
      answers[1]?.push(await get(single, port))
      await Promise.all([server.rotate(), client.rotate()])
    }
    for (const answer of answers.flat()) assert.match(answer, /^spiffe:\/\/example\.org\/client \d+$/)
    assert.deepEqual(
      answers.map((each) => new Set(each).size),
      [1, 3],
    )
    kept.destroy()
  })

  it('never shows a request of a peer that is not authorized to the handler', async () => {
    const domain = await TestDomain.create()
    await using server = await Party.start(domain, '/server')
    const requests: string[] = []
    const listening = createHttpsServer(server.with(authorizeId(PEER)), (request, response) => {
      requests.push(request.url ?? '')
      response.end('welcome')
    }).listen(0, '127.0.0.1')
    await once(listening, 'listening')
    using _closing = closing(listening)
    const { port } = listening.address() as AddressInfo
    const refused: unknown[] = []
    listening.on('clientError', (error, socket) => {
      refused.push(error)
      socket.end('HTTP/1.1 400 Bad Request\r\n\r\n') // what handlers of this event do
    })
    for (const svid of [undefined, await domain.issue('/other')]) {
      const socket = await anybody(port, svid)
      assert.equal(await say(socket, 'GET /secret HTTP/1.1\r\nhost: x\r\n\r\n'), undefined)
    }
    assert.deepEqual(requests, [])
    assert.deepEqual(
      refused.map((error) => (error as PeerRefusedError).reason),
      ['no_certificate', 'not_authorized'],
    )
    const socket = await anybody(port, await domain.issue('/peer'))
    assert.match((await say(socket, 'GET /mine HTTP/1.1\r\nhost: x\r\n\r\n')) ?? '', /welcome/)
    assert.deepEqual(requests, ['/mine'])
    socket.destroy()
  })
})
