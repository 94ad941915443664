import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { CachedX509Svid } from '../../../../src/agent/svid-cache/x509-entry.ts'
import type { Knowledge } from '../../../../src/agent/sync/knowledge.ts'
import { x509BundlesMessage } from '../../../../src/agent/workload-api/bundles-message.ts'
import { x509SvidMessage } from '../../../../src/agent/workload-api/x509-svid-message.ts'
import type { Grant } from '../../../../src/policy/compile.ts'
import type { X509SVIDResponse__Output } from '../../../../src/rpc/gen/X509SVIDResponse.ts'
import { decodeMessage } from '../../../../src/rpc/services.ts'
import type { Bundle } from '../../../../src/spiffe/bundle.ts'

const bundle = (trustDomain: string, size = 100) =>
  ({ trustDomain, x509Der: () => Buffer.alloc(size, 7), formatJwks: () => Buffer.from('{}') }) as Bundle

function knowledge(foreign: readonly Bundle[] = [], own = bundle('example.org')): Knowledge {
  const federatedBundles = new Map(foreign.map((each) => [each.trustDomain, each]))
  return { bundle: own, federatedBundles } as unknown as Knowledge
}

function granted(name: string, { chainSize = 500, notAfterMs = 1_000, federatesWith = [] as string[] } = {}) {
  const spiffeId = `spiffe://example.org/${name}`
  const svid: CachedX509Svid = {
    spiffeId,
    chainDer: Buffer.alloc(chainSize, 1),
    keyDer: Buffer.alloc(138, 2),
    serial: name,
    signedBy: [],
    receivedMs: 0,
    notAfterMs,
    renewAtMs: 0,
    notBeforeMs: 0,
    overBootMs: 0,
  }
  return { grant: { identity: name, spiffeId, federatesWith } as unknown as Grant, hint: '', svid }
}

const decode = (bytes: Buffer) => decodeMessage('X509SVIDResponse', bytes) as X509SVIDResponse__Output
const fail = (): never => assert.fail('it fits')
const nothing = { svids: fail, bundles: fail }

describe('X509SVIDResponse', () => {
  it('holds every SVID, in the order given', () => {
    const { bytes } = x509SvidMessage([granted('b'), granted('a')], knowledge(), nothing)
    assert.deepEqual(
      decode(bytes).svids?.map(({ spiffeId }) => spiffeId),
      ['spiffe://example.org/b', 'spiffe://example.org/a'],
    )
  })

  it('is valid as long as the SVID that expires first', () => {
    const all = [granted('a', { notAfterMs: 9 }), granted('b', { notAfterMs: 5 })]
    assert.equal(x509SvidMessage(all, knowledge(), nothing).validUntilMs, 5)
  })

  it('never has its own trust domain among the federated bundles, and leaves out unknown and empty ones', () => {
    const federatesWith = ['example.org', 'b.example', 'a.example', 'unknown.example', 'empty.example']
    const foreign = [
      bundle('b.example'),
      bundle('a.example'),
      bundle('empty.example', 0),
      bundle('other.example'),
    ]
    const { bytes } = x509SvidMessage([granted('a', { federatesWith })], knowledge(foreign), nothing)
    assert.deepEqual(Object.keys(decode(bytes).federatedBundles), [
      'spiffe://a.example',
      'spiffe://b.example',
    ])
  })

  it('stays below 4 MiB: the last SVIDs are left out, which is reported', () => {
    const told: string[] = []
    const many = Array.from({ length: 100 }, (_, index) => granted(`n${index}`, { chainSize: 100_000 }))
    const leftOut = {
      ...nothing,
      svids: (kind: string, names: readonly string[]) => told.push(kind, ...names),
    }
    const { bytes } = x509SvidMessage(many, knowledge(), leftOut)
    assert.ok(bytes.length < 4 * 1024 * 1024)
    const { svids } = decode(bytes)
    const all = Array.from({ length: 100 }, (_, index) => `n${index}`)
    assert.deepEqual(told, ['x509_svid', ...all.slice(svids.length)])
    assert.equal(svids[0]?.spiffeId, 'spiffe://example.org/n0')
  })

  it('leaves out a federated bundle that does not fit rather than an SVID', () => {
    const foreign = [bundle('huge.example', 5_000_000), bundle('small.example')]
    const all = [granted('a', { federatesWith: ['huge.example', 'small.example'] })]
    let without: readonly string[] = []
    const bundles = (names: readonly string[]): void => {
      without = names
    }
    const { bytes } = x509SvidMessage(all, knowledge(foreign), { ...nothing, bundles })
    assert.deepEqual(without, ['huge.example'])
    assert.equal(decode(bytes).svids.length, 1)
    assert.deepEqual(Object.keys(decode(bytes).federatedBundles), ['spiffe://small.example'])
  })

  it('has no more bundles than clients accept, those of the first identity before the others', () => {
    const names = Array.from({ length: 210 }, (_, index) => `p${String(index).padStart(3, '0')}.example`)
    const all = [
      granted('a', { federatesWith: names.slice(150) }),
      granted('b', { federatesWith: names.slice(0, 150) }),
    ]
    let without: readonly string[] = []
    const bundles = (left: readonly string[]): void => {
      without = left
    }
    const known = knowledge(names.map((name) => bundle(name)))
    const { bytes } = x509SvidMessage(all, known, { ...nothing, bundles })
    assert.equal(Object.keys(decode(bytes).federatedBundles).length, 199)
    assert.deepEqual(without, names.slice(139, 150))
    const grants = all.map(({ grant }) => grant)
    const message = x509BundlesMessage(grants, known, { bundles })
    const decoded = decodeMessage('X509BundlesResponse', message.bytes) as { bundles: object }
    assert.equal(Object.keys(decoded.bundles).length, 200)
  })

  it('is not sent with an empty bundle', () => {
    const empty = knowledge([], bundle('example.org', 0))
    assert.throws(() => x509SvidMessage([granted('a')], empty, nothing), { code: 'ERR_SVID_UNAVAILABLE' })
    assert.throws(() => x509BundlesMessage([], empty, nothing), { code: 'ERR_SVID_UNAVAILABLE' })
  })
})
