import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import https from 'node:https'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { after, before, describe, it } from 'node:test'
import tls from 'node:tls'
import {
  type Authorizer,
  authorizeAny,
  authorizeId,
  authorizeMemberOf,
} from '../../../src/client/authorize.ts'
import { connectTls } from '../../../src/client/connect-tls.ts'
import type { PeerRefusedError } from '../../../src/client/errors.ts'
import { createHttpsAgent } from '../../../src/client/https-agent.ts'
import { peerIdOf } from '../../../src/client/peer-id.ts'
import { createTlsServer } from '../../../src/client/tls-server.ts'
import { anybody, closing, Echo, say } from '../../support/echo.ts'
import { AnyServer, Party, shows } from '../../support/party.ts'
import type { SentSvid } from '../../support/test-domain.ts'
import { TestDomain } from '../../support/test-domain.ts'
import { issueThroughIntermediate, WRONG_PEERS } from '../../support/wrong-peers.ts'

const PEER = 'spiffe://example.org/peer'

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

  it('connects two programs that authorize each other by ID', async () => {
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

  it('accepts a federated trust domain by its own bundle, and chains with an intermediate', async () => {
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

    it(`refuses a server with a certificate ${what}, before anything is sent to it`, async () => {
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
    ['the function returns a promise', (async () => true) as unknown as Authorizer, /is not authorized/],
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

  it('hides a refused connection from every listener, even from those added before the guard', async () => {
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

  it('resumes no session, because a resumed one would not prove possession of the key', async () => {
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

  it('resumes no session even if a program makes its server store them', async () => {
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

  it('has no peer ID for a peer that it has not verified', async () => {
    await using server = await AnyServer.listen(await domain.issue('/peer'))
    const socket = await anybody(server.port)
    assert.throws(() => peerIdOf(socket), TypeError)
    socket.destroy()
  })

  it('aborts a connection at its signal, and reports network errors as they are', async () => {
    await using server = await AnyServer.listen(await domain.issue('/peer'))
    const mtls = ours.with(authorizeAny())
    const where = { host: '127.0.0.1', port: server.port }
    await assert.rejects(connectTls({ ...mtls, ...where, signal: AbortSignal.abort() }), {
      name: 'AbortError',
    })
    await assert.rejects(connectTls({ ...mtls, host: '127.0.0.1', port: 1 }), { code: 'ECONNREFUSED' })
  })
})
