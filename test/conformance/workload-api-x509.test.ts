import assert from 'node:assert/strict'
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { status } from '@grpc/grpc-js'
import { renewalTimeMs } from '../../src/agent/svid-cache/renewal-time.ts'
import { FakeRandom } from '../fakes/fake-random.ts'
import { splitCertificates } from '../support/certificates.ts'
import { identityFor, Stack } from '../support/stack.ts'
import type { Message, WorkloadClient } from '../support/workload-client.ts'
import { needsTwoUsers, WorkloadProcess } from '../support/workload-process.ts'

const UID = process.getuid?.() ?? 0
const TRUST_DOMAIN_ID = /^spiffe:\/\/[a-z0-9._-]+$/

/** Asserts everything that a client must be able to rely on in a message. */
function assertComplete({ svids }: Message): void {
  assert.ok(svids.length >= 1)
  for (const svid of svids) {
    for (const field of ['x509Svid', 'x509SvidKey', 'bundle']) {
      assert.equal(svid[field][0], 0x30, `${field} is DER`)
      assert.ok(!svid[field].includes('-----BEGIN'))
    }
    const [leaf] = splitCertificates(svid.x509Svid)
    assert.equal(leaf?.subjectAltName?.replace(/.*URI:([^,]+).*/, '$1'), svid.spiffeId)
  }
}

describe('the X.509 profile of the Workload API', () => {
  let stack: Stack
  let client: WorkloadClient

  before(async () => {
    stack = await Stack.start({ inProcess: true })
    await stack.apply(
      [
        identityFor(UID, 'a').replace('/a', '/A.b-c_d'),
        identityFor(UID, 'b', '  hint: internal'),
        identityFor(UID, 'c', '  hint: internal'),
      ].join('---'),
    )
    client = stack.client()
    using stream = client.stream('FetchX509SVID')
    await stream.until(({ svids }) => svids.length === 3)
  })
  after(async () => {
    client?.[Symbol.dispose]()
    await stack?.[Symbol.asyncDispose]()
  })

  it('WLAPI-05, WLAPI-20: sends one X.509-SVID for each identity immediately', async () => {
    const { svids } = await client.first('FetchX509SVID')
    assert.deepEqual(svids.map((svid: Message) => svid.spiffeId).sort(), [
      'spiffe://example.org/A.b-c_d',
      'spiffe://example.org/b',
      'spiffe://example.org/c',
    ])
  })

  it("ENC-01, WLAPI-12, WLAPI-21: leaves no mandatory field empty, and the ID is the leaf's", async () => {
    assertComplete(await client.first('FetchX509SVID'))
  })

  it('ENC-02, ENC-03, ENC-04, T-30: the chain is concatenated DER: the leaf first, then only CAs', async () => {
    for (const svid of (await client.first('FetchX509SVID')).svids) {
      const [leaf, ...rest] = splitCertificates(svid.x509Svid)
      assert.equal(leaf?.ca, false)
      assert.ok(rest.every((certificate) => certificate.ca))
      assert.equal(
        [leaf, ...rest].reduce((sum, certificate) => sum + (certificate?.raw.length ?? 0), 0),
        svid.x509Svid.length,
      )
    }
  })

  it('ENC-05, T-34: the key is unencrypted PKCS#8 and belongs to the leaf', async () => {
    for (const svid of (await client.first('FetchX509SVID')).svids) {
      const key = createPrivateKey({ key: svid.x509SvidKey, format: 'der', type: 'pkcs8' })
      assert.ok(new X509Certificate(svid.x509Svid).checkPrivateKey(key))
    }
  })

  it('ENC-07, WLAPI-25: FetchX509Bundles has its own trust domain under its SPIFFE ID', async () => {
    const { bundles } = await client.first('FetchX509Bundles')
    assert.ok(bundles['spiffe://example.org'].length > 0)
    for (const key of Object.keys(bundles)) assert.match(key, TRUST_DOMAIN_ID)
  })

  it('WLAPI-22: hints are unique in a response', async () => {
    const { svids } = await client.first('FetchX509SVID')
    const hints = svids.map((svid: Message) => svid.hint).filter((hint: string) => hint !== '')
    assert.deepEqual(hints, ['internal'])
  })

  it('WLAPI-24, interop 7: its own trust domain is not among the federated bundles', async () => {
    const { federatedBundles } = await client.first('FetchX509SVID')
    assert.equal(federatedBundles['spiffe://example.org'], undefined)
    const withItself = identityFor(UID, 'self', '  federates_with: [example.org]')
    await assert.rejects(stack.apply(withItself), /federates_with/)
  })

  it('WLAPI-22: shows the operator which identity is delivered without its hint', async () => {
    const { stdout } = await stack.admin('explain', '--pid', String(process.pid))
    assert.match(stdout, / c .*, without its hint "internal", which b has$/m)
    const { stderr } = await stack.apply(identityFor(UID, 'c', '  hint: internal\n  x509: { ttl: 2h }'))
    assert.match(stderr, /warning: .*: workload_identity c: a caller that gets b as well, .* gets it without/)
    await client.first('FetchX509SVID')
    await stack.agent.says(/"event":"hint\.duplicate".*"workloadIdentity":"c".*"holder":"b"/)
  })

  it('WLAPI-27: the order is by priority, then by name, in every call and after a restart of the agent', async () => {
    const order = async (): Promise<string[]> =>
      (await client.first('FetchX509SVID')).svids.map((svid: Message) => svid.spiffeId.slice(-1))
    assert.deepEqual(await order(), ['d', 'b', 'c'])
    using stream = client.stream('FetchX509SVID')
    await stack.apply(identityFor(UID, 'c', '  hint: internal\n  priority: 1'))
    await stream.until(({ svids }) => svids.length === 3 && svids[0].spiffeId.endsWith('/c'))
    const first = await order()
    assert.deepEqual(first, ['c', 'd', 'b'])
    assert.deepEqual(await order(), first)
    await stack.agent.stop()
    await stack.startAgent()
    assert.deepEqual(await order(), first)
    await stack.authority.stop()
    await stack.agent.stop()
    await stack.launchAgent()
    assert.deepEqual(await order(), first, 'from what the agent has kept')
    await stack.startAuthority()
    await stack.agent.says(/"event":"sync\.(?:established|restored)"/)
  })

  it('WLAPI-28: refuses a hint of more than 1024 bytes when it is applied', async () => {
    await assert.rejects(stack.apply(identityFor(UID, 'long', `  hint: ${'é'.repeat(513)}`)), /hint/)
  })

  it('WLAPI-04, T-52, WLAPI-06, WLAPI-08, WLAPI-10: each message is the whole state, pushed when it changes', async () => {
    using stream = client.stream('FetchX509SVID')
    const before = await stream.next()
    await stack.apply(identityFor(UID, 'd'))
    const more = await stream.until(({ svids }) => svids.length === before.svids.length + 1)
    assertComplete(more)
    await stack.admin('delete', 'workload_identity', 'd')
    const fewer = await stream.until(({ svids }) => svids.length === before.svids.length)
    assert.ok(!fewer.svids.some((svid: Message) => svid.spiffeId.endsWith('/d')))
  })

  it('WLAPI-08, WLAPI-23: losing the last identity ends the stream with PERMISSION_DENIED', {
    skip: needsTwoUsers,
  }, async () => {
    await stack.apply(identityFor(60_021, 'passing'))
    await using workload = new WorkloadProcess({ socket: stack.socket, method: 'FetchX509SVID', uid: 60_021 })
    assert.equal((await workload.outcome()).event, 'message')
    await stack.admin('delete', 'workload_identity', 'passing')
    let said = await workload.next()
    while (said.event === 'message') said = await workload.next()
    assert.deepEqual(said, { event: 'ended', code: status.PERMISSION_DENIED, details: 'no identity issued' })
  })

  it('WLAPI-26: bundles are only for callers with an identity', { skip: needsTwoUsers }, async () => {
    await using stranger = new WorkloadProcess({
      socket: stack.socket,
      method: 'FetchX509Bundles',
      uid: 60_022,
    })
    const said = await stranger.outcome()
    assert.equal(said.event === 'ended' && said.code, status.PERMISSION_DENIED)
  })

  it('WLAPI-11: serves any number of streams, each with the full state', async () => {
    const streams = Array.from({ length: 20 }, () => client.stream('FetchX509SVID'))
    try {
      for (const message of await Promise.all(streams.map((stream) => stream.next()))) assertComplete(message)
    } finally {
      for (const stream of streams) stream[Symbol.dispose]()
    }
  })
})

describe('renewal of X.509-SVIDs', () => {
  it('WLAPI-07: does not happen at the same moment for SVIDs that were issued together', () => {
    const random = new FakeRandom('renewal')
    const times = [0, 0.25, 0.5, 0.75, 0.999].map((fraction) => {
      random.nextFraction = fraction
      return renewalTimeMs(0, 3_600_000, random)
    })
    assert.equal(new Set(times).size, times.length)
    assert.ok(Math.max(...times) - Math.min(...times) > 300_000)
  })
})
