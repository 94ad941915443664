import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { SecretStore } from '../../../../src/agent/sds/secret-store.ts'
import type { CachedX509Svid } from '../../../../src/agent/svid-cache/x509-entry.ts'
import { FakeRandom } from '../../../fakes/fake-random.ts'
import { createTestTrustDomain } from '../../../support/svid-fixtures.ts'

const { ca, bundle } = await createTestTrustDomain()
const svid = (): CachedX509Svid =>
  ({ spiffeId: 'spiffe://example.org/web', chainDer: ca.der, keyDer: Buffer.alloc(8) }) as CachedX509Svid

describe('SecretStore', () => {
  it('encodes a certificate once for each name', () => {
    const store = new SecretStore(new FakeRandom())
    const held = svid()
    assert.equal(store.svid('default', held), store.svid('default', held))
    assert.notEqual(store.svid('default', held), store.svid('spiffe://example.org/web', held))
    assert.notEqual(store.svid('default', held), store.svid('default', svid()))
  })

  it('encodes bundles once for each name and form, until one of them is another', async () => {
    const store = new SecretStore(new FakeRandom())
    const first = store.bundles('ALL', [bundle], false)
    assert.equal(store.bundles('ALL', [bundle], false), first)
    assert.notEqual(store.bundles('ROOTCA', [bundle], false), first)
    assert.notEqual(store.bundles('ALL', [bundle], true), first)
    const { bundle: other } = await createTestTrustDomain()
    assert.notEqual(store.bundles('ALL', [other], false), first)
  })
})
