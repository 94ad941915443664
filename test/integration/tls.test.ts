import assert from 'node:assert/strict'
import { once } from 'node:events'
import net from 'node:net'
import { describe, it } from 'node:test'
import tls from 'node:tls'
import { systemClock } from '../../src/foundation/clock.ts'
import { until } from '../support/patience.ts'
import {
  Authority,
  bot,
  check,
  closeOf,
  type Identity,
  other,
  pki,
  server,
} from '../support/tls-authority.ts'

describe('the TLS listener', () => {
  it('identifies a bot by its certificate', async () => {
    await using authority = await Authority.start()
    using client = authority.client(bot)
    assert.deepEqual(await check(client), { status: 'SERVING' })
    assert.deepEqual(authority.seen[0]?.subject, {
      commonName: '01JBOT',
      organization: 'builder',
      serialNumber: '1',
    })
  })

  it('serves a client without a certificate as anonymous', async () => {
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

  it('closes connections that do not speak TLS or finish the handshake in time, and serves the others', async () => {
    await using authority = await Authority.start({ handshakeTimeoutMs: 200 })
    const noise = net.connect(authority.port, authority.host, () => noise.write(Buffer.alloc(2_000, 0x47)))
    const mute = net.connect(authority.port, authority.host)
    for (const socket of [noise, mute]) socket.on('error', () => {}).resume()
    await Promise.all([closeOf(noise), closeOf(mute)])
    using client = authority.client(bot)
    await check(client)
  })

  it('evicts the oldest connection if one address holds them all without a handshake', async () => {
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

  it('names an address that is in use', async () => {
    await using authority = await Authority.start()
    await assert.rejects(Authority.start({ listen: authority.listener.address }), {
      code: 'ERR_RPC_LISTEN',
      message: new RegExp(`cannot listen on ${authority.listener.address}`),
    })
    await assert.rejects(Authority.start({ listen: 'nonsense' }), { code: 'ERR_RPC_LISTEN' })
  })
})
