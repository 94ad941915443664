import assert from 'node:assert/strict'
import { once } from 'node:events'
import http2 from 'node:http2'
import { after, before, describe, it } from 'node:test'
import tls from 'node:tls'
import { gzipSync } from 'node:zlib'
import { generateKeyPair } from '../../src/crypto/keys.ts'
import { proveSync } from '../../src/crypto/proof-of-possession.ts'
import { encodeMessage } from '../../src/rpc/services.ts'
import { type RpcError, StatusCode } from '../../src/rpc/status.ts'
import { anonymousClient, askToJoin, type BotClient, joinBot } from '../support/bot-client.ts'
import { until } from '../support/patience.ts'
import { grpcFrame, rawCall } from '../support/rpc-stack.ts'
import { startAuthority, type TestAuthority } from '../support/start-authority.ts'

const JOIN = '/signet.v1.JoinService/Join'
const ISSUE = '/signet.v1.IssuanceService/IssueX509Svids'
const HEALTH = '/grpc.health.v1.Health/Check'
const ANONYMOUS_PLACES = 256

const RESOURCES = `
kind: bot
version: v1
metadata: { name: builder }
spec: { roles: [] }
`

describe('a client without a certificate', () => {
  let authority: TestAuthority
  let session: http2.ClientHttp2Session
  before(async () => {
    authority = await startAuthority()
    await authority.apply(RESOURCES)
    session = await connect(authority)
  })
  after(async () => {
    session?.close()
    await authority?.[Symbol.asyncDispose]()
  })

  it('may have one call at a time, and its settings say so', async () => {
    const other = await connect(authority)
    assert.equal(other.remoteSettings.maxConcurrentStreams, 1)
    other.close()
  })

  it('is refused other methods by their headers, before its request arrives', async () => {
    for (const [method, status] of [
      [ISSUE, StatusCode.UNAUTHENTICATED],
      ['/signet.v1.JoinService/Renew', StatusCode.UNAUTHENTICATED],
      ['/signet.v1.Nothing/Nothing', StatusCode.UNIMPLEMENTED],
    ] as const) {
      const call = rawCall(session, method, { body: Buffer.from([0]), open: true })
      assert.equal((await call.ended).status, status)
    }
  })

  it('may send at most 16 KiB, uncompressed', async () => {
    const long = rawCall(session, JOIN, { body: Buffer.from([0, 0, 0, 64, 1]), open: true })
    assert.equal((await long.ended).status, StatusCode.RESOURCE_EXHAUSTED)
    const bomb = grpcFrame(gzipSync(Buffer.alloc(4 * 1024 * 1024)), true)
    const compressed = rawCall(session, JOIN, { body: bomb, headers: { 'grpc-encoding': 'gzip' } })
    assert.equal((await compressed.ended).status, StatusCode.UNIMPLEMENTED)
  })

  it('is refused a join with one generic message, whatever it sends after its first message', async () => {
    const key = await generateKeyPair()
    const joinToken = 'no-such-token'
    const proof = proveSync({ purpose: 'join', trustDomain: authority.trustDomain, joinToken }, key)
    const frame = (message: object): Buffer => grpcFrame(encodeMessage('signet.v1.JoinRequest', message))
    const start = {
      protocolVersion: 1,
      joinToken,
      publicKey: key.publicKeyDer,
      proofOfPossession: proof,
      method: 'secret',
      proof: Buffer.from('a guess'),
    }
    const unasked = Array.from({ length: 20 }, () => frame({ answer: Buffer.alloc(1000) }))
    const { ended } = rawCall(session, JOIN, { body: Buffer.concat([frame({ start }), ...unasked]) })
    const { status, message = '' } = await ended
    assert.equal(status, StatusCode.PERMISSION_DENIED)
    assert.match(decodeURI(message), /^refused, reference [0-9A-Z-]+$/)
  })

  it('joins with a right secret from an address that failed too often, whose junk is told no more', async () => {
    const { name, secret } = await authority.createJoinToken('builder')
    using client = await anonymousClient(authority)
    const key = await generateKeyPair()
    const { trustDomain } = authority
    const heard = new Set<unknown>()
    // Fifty and five a second are allowed, so a slow machine needs more than sixty calls.
    for (let n = 0; n < 600 && heard.size < 2; n += 1) {
      const junk = { trustDomain, joinToken: `made-up-${n % 3}`, secret: 'junk' }
      heard.add(await askToJoin(client, junk, key).catch(({ status }: RpcError) => status))
    }
    assert.deepEqual([...heard], [StatusCode.PERMISSION_DENIED, StatusCode.RESOURCE_EXHAUSTED])
    assert.equal((await askToJoin(client, { trustDomain, joinToken: name, secret }, key)).bot, 'builder')
  })

  it('may check health', async () => {
    const { ended, stream } = rawCall(session, HEALTH)
    const [chunk] = await once(stream, 'data')
    assert.deepEqual(
      chunk,
      grpcFrame(encodeMessage('grpc.health.v1.HealthCheckResponse', { status: 'SERVING' })),
    )
    assert.equal((await ended).status, StatusCode.OK)
  })

  it('has its connection closed when it floods the authority with calls', async () => {
    const flood = await connect(authority)
    let calls = 0
    while (!flood.closed && !flood.destroyed) {
      await Promise.allSettled([rawCall(flood, HEALTH).ended]) // the last call ends with the connection
      calls += 1
    }
    assert.ok(calls > 50 && calls < 200, `${calls} calls`)
  })

  it('is evicted by the next one when there are too many, and bots are not affected', async () => {
    using bot: BotClient = await joinBot(authority, 'builder')
    const check = (): Promise<object> => bot.client.unary('grpc.health.v1.Health', 'Check', {})
    assert.deepEqual(await check(), { status: 'SERVING' })
    const sockets: tls.TLSSocket[] = []
    for (let n = 0; n < ANONYMOUS_PLACES + 10; n++) {
      const socket = tls.connect({ ...toward(authority), rejectUnauthorized: false, ALPNProtocols: ['h2'] })
      socket.on('error', () => {}).resume()
      sockets.push(socket)
      await once(socket, 'secureConnect')
    }
    await until(() => sockets.slice(0, 10).every(({ destroyed }) => destroyed))
    assert.equal(
      sockets.slice(20).some(({ destroyed }) => destroyed),
      false,
    )
    assert.deepEqual(await check(), { status: 'SERVING' })
    using other = await joinBot(authority, 'builder')
    assert.deepEqual(await other.client.unary('grpc.health.v1.Health', 'Check', {}), { status: 'SERVING' })
    assert.match(authority.log.join(), /"reason":"evicted"/)
    for (const socket of sockets) socket.destroy()
  })

  it('a bot with too many connections loses its own oldest one', async () => {
    using bot = await joinBot(authority, 'builder')
    const { chain } = bot.certificate
    const key = bot.key.privateKey.export({ type: 'pkcs8', format: 'pem' })
    const cert = chain.map((der) => pem(der)).join('')
    const sessions: http2.ClientHttp2Session[] = []
    for (let n = 0; n < 10; n++) sessions.push(await connect(authority, { key, cert }))
    await until(() => sessions.slice(0, 2).every(({ closed }) => closed))
    assert.equal(
      sessions.slice(2).some(({ closed }) => closed),
      false,
    )
    for (const each of sessions) each.close()
  })
})

function pem(der: Uint8Array): string {
  return `-----BEGIN CERTIFICATE-----\n${Buffer.from(der).toString('base64')}\n-----END CERTIFICATE-----\n`
}

function toward({ address }: TestAuthority): { host: string; port: number } {
  const [host = '', port] = address.split(':')
  return { host, port: Number(port) }
}

/** Resolves once the authority's SETTINGS frame has arrived. */
async function connect(
  authority: TestAuthority,
  more: tls.ConnectionOptions = {},
): Promise<http2.ClientHttp2Session> {
  const { host, port } = toward(authority)
  const session = http2.connect(`https://${host}:${port}`, { rejectUnauthorized: false, ...more })
  session.on('error', () => {})
  await once(session, 'remoteSettings')
  return session
}
