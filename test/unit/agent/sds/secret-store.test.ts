import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { SecretStore } from '../../../../src/agent/sds/secret-store.ts'
import type { CachedX509Svid } from '../../../../src/agent/svid-cache/x509-entry.ts'
import { FakeRandom } from '../../../fakes/fake-random.ts'
import { createTestTrustDomain } from '../../../support/svid-fixtures.ts'

const { ca, bundle } = await createTestTrustDomain()
const svid = (): CachedX509Svid =>
  ({ spiffeId: 'spiffe://example.org/web', chainDer: ca.der, keyDer: Buffer.alloc(8) }) as CachedX509Svid

const [UID, FLOODER] = [1000, 4242]

describe('SecretStore', () => {
  it('encodes a certificate once per name', () => {
    const store = new SecretStore(new FakeRandom())
    const held = svid()
    assert.equal(store.svid('default', held), store.svid('default', held))
    assert.notEqual(store.svid('default', held), store.svid('spiffe://example.org/web', held))
    assert.notEqual(store.svid('default', held), store.svid('default', svid()))
  })

  it('encodes bundles once per name and form, until one of them changes', async () => {
    const store = new SecretStore(new FakeRandom())
    const first = store.bundles('ALL', [bundle], false, UID)
    assert.equal(store.bundles('ALL', [bundle], false, UID), first)
    assert.notEqual(store.bundles('ROOTCA', [bundle], false, UID), first)
    assert.notEqual(store.bundles('ALL', [bundle], true, UID), first)
    const { bundle: other } = await createTestTrustDomain()
    assert.notEqual(store.bundles('ALL', [other], false, UID), first)
  })

  it('keeps what is encoded for one user, however many names another user invents', () => {
    const store = new SecretStore(new FakeRandom())
    const first = store.closed('ROOTCA', 'example.org', false, UID)
    const made = store.closed('made-up', 'example.org', false, FLOODER)
    const flood = 'x'.repeat(1_000)
    for (let n = 0; n < 8_000; n += 1) store.closed(`${flood}${n}`, 'example.org', false, FLOODER)
    assert.equal(store.closed('ROOTCA', 'example.org', false, UID), first)
    assert.notEqual(store.closed('made-up', 'example.org', false, FLOODER), made)
  })
})
