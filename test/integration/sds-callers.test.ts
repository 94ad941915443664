import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import http2 from 'node:http2'
import net from 'node:net'
import { describe, it } from 'node:test'
import { grpcFrame, rawCall } from '../support/rpc-stack.ts'
import { leafOf, namesOf, SECRET_TYPE_URL, SecretClient, secretsOf } from '../support/secret-client.ts'
import { type Serving, startServing } from '../support/serving.ts'
import { createTestTrustDomain } from '../support/svid-fixtures.ts'
import { WorkloadClient } from '../support/workload-client.ts'
import { needsTwoUsers, WorkloadProcess } from '../support/workload-process.ts'

const UID = process.getuid?.() ?? 0
const OTHER_UID = 54_321
const METHOD = '/envoy.service.secret.v3.SecretDiscoveryService/StreamSecrets'
const ID = 'spiffe://example.org/web'
const SHOP_ID = 'spiffe://example.org/shop'
const OWN = 'spiffe://example.org'
const WEB = { spiffe_id: '/web', allow: [{ match: { 'workload.unix.uid': UID } }] }

describe('a caller', () => {
  it('is known by the user that the kernel reports', { skip: needsTwoUsers }, async () => {
    const shop = { spiffe_id: '/shop', allow: [{ match: { 'workload.unix.uid': OTHER_UID } }] }
    await using serving = await startServing({ identities: { web: WEB, shop } })
    const request = { resourceNames: ['default'], typeUrl: SECRET_TYPE_URL }
    const call = { socket: serving.socket, method: 'StreamSecrets', request }
    await using ours = new WorkloadProcess({ ...call, uid: UID })
    await using others = new WorkloadProcess({ ...call, uid: OTHER_UID })
    const said = await Promise.all([ours.outcome(), others.outcome()])
    const ids = said.map((each) => {
      assert.ok(each.event === 'message')
      return leafOf(secretsOf(each.message)[0]).subjectAltName
    })
    assert.deepEqual(ids, [`URI:${ID}`, `URI:${SHOP_ID}`])
  })

  it('that executes another program loses its stream at the next push', async () => {
    const { execThenRead } = await import('../support/exec-client.ts')
    await using serving = await startServing({ identities: { web: WEB } })
    await using changed = await execThenRead(serving.socket, 'sds')
    await changed.executed
    serving.learn()
    const open = /streams_open\{api="envoy.service.secret.v3.SecretDiscoveryService"\} 0/
    while (!open.test(serving.metrics.expose())) await new Promise((resolve) => setTimeout(resolve, 5))
    assert.equal(
      serving.events.find(({ event }) => event === 'process.changed')?.['reason'],
      'other executable',
    )
  })
})

describe('a caller without an identity', () => {
  const NOBODY = { spiffe_id: '/nobody', allow: [{ match: { 'workload.unix.uid': 4242 } }] }
  const refused = { code: 7, details: 'no identity issued' }
  const METHODS = ['FetchX509Bundles', 'FetchJWTBundles']

  it('gets no bundle, by either API', async () => {
    await using serving = await startServing({ identities: { nobody: NOBODY } })
    using client = new SecretClient(serving.socket)
    using workload = new WorkloadClient(serving.socket)
    using stream = client.stream(['ROOTCA', OWN, 'ALL'])
    for (const { trustDomains = {} } of await stream.secrets()) {
      const [nobody = ''] = Object.values(trustDomains)
      assert.equal(new X509Certificate(nobody).subject, 'O=Signet\nCN=Nobody')
      assert.ok(!Object.keys(trustDomains).includes('example.org') || trustDomains['example.org'] === nobody)
    }
    for (const method of METHODS) await assert.rejects(workload.first(method), refused)
  })

  it('gets the own bundle, and no other and no identity, by both, where verifiers are allowed', async () => {
    const { bundle } = await createTestTrustDomain('partner.example')
    const federatedBundles = new Map([['partner.example', bundle]])
    const nobody = { ...NOBODY, federates_with: ['partner.example'] }
    await using serving = await startServing({
      identities: { nobody, web: WEB },
      knowledge: { federatedBundles },
      allowUnauthenticatedVerifiers: true,
    })
    using client = new SecretClient(serving.socket)
    using workload = new WorkloadClient(serving.socket)
    const token = (await workload.unary('FetchJWTSVID', { audience: ['a'] })).svids[0].svid
    serving.learn({ federatedBundles }, { nobody })
    using stream = client.stream(['ROOTCA', 'ALL', 'default', 'spiffe://partner.example'])
    const secrets = await stream.secrets()
    assert.deepEqual(namesOf(secrets), ['ALL', 'ROOTCA', 'spiffe://partner.example'])
    const closed = secrets[2]?.trustDomains?.['partner.example'] ?? ''
    assert.equal(new X509Certificate(closed).subject, 'O=Signet\nCN=Nobody')
    for (const { trustDomains } of secrets.slice(0, 2))
      assert.deepEqual(Object.keys(trustDomains ?? {}), ['example.org'])
    for (const method of METHODS) {
      assert.deepEqual(Object.keys((await workload.first(method)).bundles), [OWN])
    }
    const valid = await workload.unary('ValidateJWTSVID', { audience: 'a', svid: token })
    assert.equal(valid.spiffeId, ID)
    await assert.rejects(workload.first('FetchX509SVID'), refused)
    await assert.rejects(workload.unary('FetchJWTSVID', { audience: ['a'] }), refused)
    await assert.rejects(client.fetch(['default']), refused)
  })

  it('keeps its stream of bundles when its identity is withdrawn, and loses all when the bot is locked', async () => {
    await using serving = await startServing({
      identities: { web: WEB },
      allowUnauthenticatedVerifiers: true,
    })
    using workload = new WorkloadClient(serving.socket)
    using stream = workload.stream('FetchX509Bundles')
    await stream.next()
    serving.learn({}, {})
    await serving.issuer.rotate()
    serving.learn()
    assert.deepEqual(Object.keys((await stream.next()).bundles), [OWN])
    serving.learn({ botLock: 'a lock' })
    assert.deepEqual(await stream.ended, refused)
  })
})

function sessionTo(serving: Serving, settings: http2.Settings = {}): http2.ClientHttp2Session {
  const createConnection = () => net.connect(serving.socket)
  const session = http2.connect('http://localhost', { createConnection, settings })
  return session.on('error', () => undefined)
}

describe('a request that no client library would send:', () => {
  /** Field `number`, of this content. */
  function field(number: number, content: Buffer): Buffer {
    const length =
      content.length < 128 ? [content.length] : [(content.length % 128) | 128, content.length >> 7]
    return Buffer.concat([Buffer.of((number << 3) | 2, ...length), content])
  }

  it('endlessly nested metadata are INVALID_ARGUMENT', async () => {
    await using serving = await startServing({ identities: { web: WEB } })
    let struct: Buffer = Buffer.alloc(0)
    for (let depth = 0; depth < 500; depth += 1) struct = field(1, field(2, field(5, struct)))
    const session = sessionTo(serving)
    const call = rawCall(session, METHOD, { body: grpcFrame(field(2, field(3, struct))) })
    assert.equal((await call.ended).status, 3)
    session.destroy()
  })

  it('a flood of them ends its stream, and others are served meanwhile', async () => {
    await using serving = await startServing({ identities: { web: WEB } })
    using client = new SecretClient(serving.socket)
    const names = (n: number): Buffer => grpcFrame(field(3, Buffer.from(n % 2 === 0 ? 'ROOTCA' : 'ALL')))
    const session = sessionTo(serving)
    const body = Buffer.concat(Array.from({ length: 5_000 }, (_, n) => names(n)))
    const calls = Array.from({ length: 20 }, () => rawCall(session, METHOD, { body, open: true }))
    using stream = client.stream(['default'])
    assert.equal((await stream.secrets()).length, 1)
    for (const { ended } of calls) assert.equal((await ended).status, 8)
    session.destroy()
  })

  it('readers that make no room hold one response each, and get the newest when they do', async () => {
    await using serving = await startServing({ identities: { web: WEB } })
    using client = new SecretClient(serving.socket)
    const session = sessionTo(serving, { initialWindowSize: 0 })
    const body = grpcFrame(field(3, Buffer.from('ROOTCA')))
    const calls = Array.from({ length: 100 }, () => rawCall(session, METHOD, { body, open: true }))
    using stream = client.stream(['ROOTCA'])
    const sizes = [(await stream.next()).resources[0].value.length]
    for (let changes = 0; changes < 5; changes += 1) {
      await serving.issuer.rotate()
      serving.learn()
      sizes.push((await stream.next()).resources[0].value.length)
    }
    session.settings({ initialWindowSize: 65_535 })
    const [oldest = 0] = sizes
    const newest = sizes.at(-1) ?? 0
    for (const { bytes } of calls) {
      while (bytes() < oldest + newest) await new Promise((resolve) => setImmediate(resolve))
    }
    await client.settle()
    for (const { bytes } of calls)
      assert.ok(bytes() < oldest + newest + 500, 'one it began, one it ended with')
    session.destroy()
  })
})
