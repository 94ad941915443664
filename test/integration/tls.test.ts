import assert from 'node:assert/strict'
import type { KeyObject } from 'node:crypto'
import { once } from 'node:events'
import net from 'node:net'
import { before, describe, it } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import tls from 'node:tls'
import type { Certificate } from '../../src/crypto/x509.ts'
import { systemClock } from '../../src/foundation/clock.ts'
import { createLogger } from '../../src/foundation/logger.ts'
import { createMetrics } from '../../src/foundation/metrics.ts'
import { RpcClient } from '../../src/rpc/client.ts'
import type { ClientTls } from '../../src/rpc/client-tls.ts'
import { fetchAuthorityRoot } from '../../src/rpc/first-contact.ts'
import { pemChain } from '../../src/rpc/pem-chain.ts'
import { RpcServer } from '../../src/rpc/server.ts'
import { TlsListener, type TlsListenerOptions } from '../../src/rpc/tls-listener.ts'
import { FakeClock } from '../fakes/fake-clock.ts'
import { ControlPki } from '../support/control-pki.ts'
import { until } from '../support/patience.ts'

interface Identity {
  readonly chain: readonly Buffer[]
  readonly key: KeyObject
}

let pki: ControlPki
let other: ControlPki
let server: Identity
let bot: Identity
before(async () => {
  ;[pki, other] = await Promise.all([ControlPki.create(), ControlPki.create('other')])
  ;[server, bot] = await Promise.all([pki.server(), pki.bot()])
})

/** An RpcServer behind TLS; who calls is the name in the certificate. */
class Authority implements AsyncDisposable {
  readonly seen: (Certificate | undefined)[] = []
  readonly logged: string[] = []
  shown: Identity = server
  readonly #server: RpcServer<string>
  #listener: TlsListener | undefined

  constructor() {
    const deps = { clock: systemClock, logger: this.#logger(), metrics: createMetrics() }
    this.#server = new RpcServer<string>({ ...deps, maxStreamsPerConnection: 10 })
    this.#server.addHealth(() => true)
  }

  static async start(options: Partial<TlsListenerOptions> & { shown?: Identity } = {}): Promise<Authority> {
    const authority = new Authority()
    authority.shown = options.shown ?? server
    authority.#listener = await TlsListener.listen({
      listen: '127.0.0.1:0',
      tls: () => ({
        ...authority.shown,
        clientRoots: [pki.root],
        clientIssuers: [pki.issuing.certificateDer],
      }),
      clock: systemClock,
      logger: authority.#logger(),
      metrics: createMetrics(),
      onConnection: (socket, certificate) => {
        authority.seen.push(certificate)
        authority.#server.accept(socket, certificate?.subject.commonName ?? 'nobody')
      },
      ...options,
    })
    return authority
  }

  get listener(): TlsListener {
    assert.ok(this.#listener)
    return this.#listener
  }

  get host(): string {
    return '127.0.0.1'
  }

  get port(): number {
    return Number(this.listener.address.split(':').at(-1))
  }

  client(more: Partial<ClientTls> = {}): RpcClient {
    const clientTls = { roots: [pki.root], serverName: 'authority.example.org', ...more }
    return new RpcClient({
      target: { host: this.host, port: this.port, tls: clientTls },
      connectTimeoutMs: 3_000,
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown(200)
    await this.listener[Symbol.asyncDispose]()
  }

  #logger(): ReturnType<typeof createLogger> {
    return createLogger({ destination: { write: (line: string) => void this.logged.push(line) } })
  }
}

const check = (client: RpcClient): Promise<object> =>
  client.unary('grpc.health.v1.Health', 'Check', {}, { deadlineMs: 5_000 })

const closeOf = (socket: net.Socket): Promise<void> =>
  new Promise((resolve) => socket.once('close', () => resolve()))

describe('the TLS listener', () => {
  it('knows a bot by its certificate', async () => {
    await using authority = await Authority.start()
    using client = authority.client(bot)
    assert.deepEqual(await check(client), { status: 'SERVING' })
    assert.deepEqual(authority.seen[0]?.subject, {
      commonName: '01JBOT',
      organization: 'builder',
      serialNumber: '1',
    })
  })

  it('serves a client without a certificate, as nobody', async () => {
    await using authority = await Authority.start()
    using client = authority.client()
    await check(client)
    assert.deepEqual(authority.seen, [undefined])
  })

  it('accepts an expired certificate of ours, and shows that it has expired', async () => {
    await using authority = await Authority.start()
    using client = authority.client(await pki.bot({ endedSeconds: 600 }))
    await check(client)
    assert.ok((authority.seen[0]?.notAfter ?? Infinity) < systemClock.now().getTime() / 1000)
  })

  it('refuses certificates that do not lead to our root or are not for clients', async () => {
    await using authority = await Authority.start()
    const refused: readonly Identity[] = [
      await other.bot(),
      await other.bot({ endedSeconds: 600 }), // OpenSSL reports this one as merely expired
      server,
      { chain: [bot.chain[0] ?? Buffer.alloc(0)], key: bot.key },
    ]
    for (const identity of refused) {
      using client = authority.client(identity)
      await assert.rejects(check(client), { code: 'ERR_RPC_FAILED', kind: 'unavailable' })
    }
    assert.deepEqual(authority.seen, [])
    assert.match(authority.logged.join(), /client_certificate/)
  })

  it('speaks TLS 1.3 only', async () => {
    await using authority = await Authority.start()
    const socket = tls.connect({
      host: authority.host,
      port: authority.port,
      maxVersion: 'TLSv1.2',
      rejectUnauthorized: false,
    })
    const [error] = await once(socket, 'error')
    assert.match(error.code, /PROTOCOL_VERSION/)
  })

  it('resumes no session', async () => {
    await using authority = await Authority.start()
    const options: tls.ConnectionOptions = {
      host: authority.host,
      port: authority.port,
      ALPNProtocols: ['h2'],
      rejectUnauthorized: false,
    }
    const first = tls.connect(options)
    const sessions: Buffer[] = []
    first
      .on('session', (session) => sessions.push(session))
      .on('error', () => {})
      .resume()
    await once(first, 'secureConnect')
    await new Promise((resolve) => setTimeout(resolve, 50))
    first.destroy()
    for (const session of [...sessions, ...(sessions.length === 0 ? [undefined] : [])]) {
      const again = tls.connect(session === undefined ? options : { ...options, session })
      again.on('error', () => {})
      await once(again, 'secureConnect')
      assert.equal(again.isSessionReused(), false)
      again.destroy()
    }
  })

  for (const [what, protocols] of [
    ['no protocol', undefined],
    ['HTTP/1.1', ['http/1.1']],
  ] as const) {
    it(`closes a client that offers ${what}`, async () => {
      await using authority = await Authority.start()
      const socket = tls.connect({
        host: authority.host,
        port: authority.port,
        rejectUnauthorized: false,
        ...(protocols === undefined ? {} : { ALPNProtocols: [...protocols] }),
      })
      socket.on('error', () => {}).resume()
      await closeOf(socket)
      assert.deepEqual(authority.seen, [])
    })
  }

  it('closes what is no TLS, and who does not finish the handshake in time, and serves the others', async () => {
    await using authority = await Authority.start({ handshakeTimeoutMs: 200 })
    const noise = net.connect(authority.port, authority.host, () => noise.write(Buffer.alloc(2_000, 0x47)))
    const mute = net.connect(authority.port, authority.host)
    for (const socket of [noise, mute]) socket.on('error', () => {}).resume()
    await Promise.all([closeOf(noise), closeOf(mute)])
    using client = authority.client(bot)
    await check(client)
  })

  it('gives the oldest place to who comes next, when one address holds them all without a handshake', async () => {
    await using authority = await Authority.start({ maxHandshakes: 3 })
    const open = async (localAddress: string): Promise<net.Socket> => {
      const before = authority.listener.connections
      const socket = net.connect({ port: authority.port, host: authority.host, localAddress })
      socket.on('error', () => {}).resume()
      await until(() => authority.listener.connections === before + 1)
      return socket
    }
    const silent = [await open('127.0.0.2'), await open('127.0.0.2'), await open('127.0.0.2')]
    const gone = closeOf(silent[0] as net.Socket)
    using client = authority.client(bot)
    await check(client)
    await gone
    assert.match(authority.logged.join(), /"reason":"handshake_evicted","address":"127.0.0.2"/)
    for (const socket of silent) socket.destroy()
  })

  it('refuses more handshakes of one address than there is room for, so that those under way may end', async () => {
    await using authority = await Authority.start({ maxHandshakes: 2, handshakeTimeoutMs: 5_000 })
    const open = (): net.Socket =>
      net
        .connect(authority.port, authority.host)
        .on('error', () => {})
        .resume()
    const held = [open(), open()]
    await until(() => authority.listener.connections === 2)
    await closeOf(open())
    assert.match(authority.logged.join(), /too_many_handshakes/)
    for (const socket of held) socket.destroy()
    await until(() => authority.listener.connections === 0)
    const clients = Array.from({ length: 3 }, () => authority.client(bot))
    for (const client of clients) await check(client)
    for (const client of clients) client.close()
  })

  it('shows a new certificate after a reload, to new connections', async () => {
    await using authority = await Authority.start()
    using before = authority.client()
    await check(before)
    authority.shown = await pki.server('authority.example.com')
    authority.listener.reload()
    await check(before)
    using after = authority.client()
    await assert.rejects(check(after), /its certificate is for another name/)
    using renamed = authority.client({ serverName: 'authority.example.com' })
    await check(renamed)
  })

  it('says which address is taken', async () => {
    await using authority = await Authority.start()
    await assert.rejects(Authority.start({ listen: authority.listener.address }), {
      code: 'ERR_RPC_LISTEN',
      message: new RegExp(`cannot listen on ${authority.listener.address}`),
    })
    await assert.rejects(Authority.start({ listen: 'nonsense' }), { code: 'ERR_RPC_LISTEN' })
  })
})

describe('the client', () => {
  it('trusts the roots that it was given and no others', async () => {
    await using authority = await Authority.start()
    using client = authority.client({ roots: [other.root] })
    await assert.rejects(check(client), /does not lead to a pinned root/)
  })

  for (const [what, ms] of [
    ['behind', -400 * 86_400_000],
    ['ahead', 4000 * 86_400_000],
  ] as const) {
    it(`may be tried again by a host whose clock is ${what}, and names both clocks`, async () => {
      await using authority = await Authority.start()
      const clock = new FakeClock(Date.now() + ms)
      await assert.rejects(
        fetchAuthorityRoot(authority, pki.pin, { clock, timeoutMs: 2_000 }),
        (error: Error & { code: string; kind: string }) => {
          assert.deepEqual([error.code, error.kind], ['ERR_RPC_CLOCKS_DIFFER', 'unavailable'])
          assert.ok(
            error.message.includes(`the clock of this host says ${clock.now().toISOString().slice(0, 19)}`),
          )
          return true
        },
      )
      // A wrong clock excuses nothing else.
      const refused = { kind: 'permission_denied' }
      await assert.rejects(fetchAuthorityRoot(authority, other.pin, { clock, timeoutMs: 2_000 }), refused)
    })
  }

  it('refuses a bot that plays authority', async () => {
    await using authority = await Authority.start({ shown: { ...bot, chain: [...bot.chain, pki.root] } })
    using client = authority.client()
    await assert.rejects(check(client), { code: 'ERR_RPC_FAILED', unreachable: true })
  })

  it('says in one sentence what it cannot reach', async () => {
    const taken = net.createServer().listen(0, '127.0.0.1')
    await once(taken, 'listening')
    const { port } = taken.address() as net.AddressInfo
    taken.close()
    const target = {
      host: '127.0.0.1',
      port,
      tls: { roots: [pki.root], serverName: 'authority.example.org' },
    }
    using client = new RpcClient({ target })
    await assert.rejects(check(client), {
      message: `cannot reach 127.0.0.1:${port} (refused): the agent needs outbound TCP, TLS passed through`,
    })
  })

  it('gives up on a connection that leads nowhere', async () => {
    const mute = net.createServer((socket) => socket.on('error', () => {}).resume()).listen(0, '127.0.0.1')
    await once(mute, 'listening')
    const { port } = mute.address() as net.AddressInfo
    const target = {
      host: '127.0.0.1',
      port,
      tls: { roots: [pki.root], serverName: 'authority.example.org' },
    }
    const client = new RpcClient({ target, connectTimeoutMs: 100 })
    await assert.rejects(
      check(client),
      /cannot reach 127\.0\.0\.1:\d+ \(timeout: .*TLS was not done in time\): /,
    )
    client.close()
    mute.close()
  })
})

describe('the first contact', () => {
  const options = { clock: systemClock, timeoutMs: 2_000 }

  it('learns the root that the pin names, and the trust domain', async () => {
    await using authority = await Authority.start()
    const found = await fetchAuthorityRoot(authority, pki.pin, options)
    assert.deepEqual(found, { root: pki.root, trustDomain: 'example.org' })
  })

  it('is no refused connection to the authority', async () => {
    await using authority = await Authority.start()
    await fetchAuthorityRoot(authority, pki.pin, options)
    while (authority.seen.length === 0 && authority.logged.length === 0) await pause(5)
    while (authority.listener.connections > 0) await pause(5)
    assert.deepEqual(authority.logged, [])
  })

  it('names both pins when they differ', async () => {
    await using authority = await Authority.start()
    await assert.rejects(
      fetchAuthorityRoot(authority, other.pin, options),
      (error: Error & { code: string }) => {
        assert.equal(error.code, 'ERR_RPC_PIN_MISMATCH')
        assert.ok(error.message.includes(other.pin) && error.message.includes(pki.pin))
        return true
      },
    )
  })

  it('refuses a bot that plays authority', async () => {
    await using authority = await Authority.start({ shown: { ...bot, chain: [...bot.chain, pki.root] } })
    await assert.rejects(fetchAuthorityRoot(authority, pki.pin, options), {
      code: 'ERR_RPC_NOT_AN_AUTHORITY',
    })
  })

  it('refuses a foreign leaf that brings the pinned root along', async () => {
    const foreign = await other.server()
    const chain = [...foreign.chain.slice(0, 2), pki.root]
    await using authority = await Authority.start({ shown: { ...foreign, chain } })
    await assert.rejects(fetchAuthorityRoot(authority, pki.pin, options), { kind: 'permission_denied' })
  })

  it('refuses an authority of another name', async () => {
    await using authority = await Authority.start({ shown: await pki.server('www.example.org') })
    await assert.rejects(fetchAuthorityRoot(authority, pki.pin, options), {
      code: 'ERR_RPC_NOT_AN_AUTHORITY',
    })
  })

  it('says what it cannot reach', async () => {
    const mute = net.createServer((socket) => socket.on('error', () => {}).resume()).listen(0, '127.0.0.1')
    await once(mute, 'listening')
    const { port } = mute.address() as net.AddressInfo
    const address = { host: '127.0.0.1', port }
    await assert.rejects(fetchAuthorityRoot(address, pki.pin, { ...options, timeoutMs: 100 }), {
      code: 'ERR_RPC_AUTHORITY_UNREACHABLE',
      message: new RegExp(`^cannot reach 127.0.0.1:${port} \\(timeout: it took the connection`),
    })
    mute.close()
    await assert.rejects(fetchAuthorityRoot({ host: '127.0.0.1', port: 1 }, pki.pin, options), /\(refused\)/)
  })

  it('calls a pin without its form wrong before it connects', async () => {
    await assert.rejects(fetchAuthorityRoot({ host: '127.0.0.1', port: 1 }, 'sha1:00', options), {
      code: 'ERR_RPC_PIN_MISMATCH',
    })
  })
})

it('chains are written as PEM', () => {
  assert.equal(pemChain([pki.root, pki.root]).match(/BEGIN CERTIFICATE/g)?.length, 2)
})
