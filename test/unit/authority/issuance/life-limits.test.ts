import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { lifetimeOf } from '../../../../src/authority/issuance/life-limits.ts'

const input = { nowMs: 1_000_000_500, ttlSeconds: 3600, roleMaxTtlSeconds: undefined, signerNotAfter: 9e9 }
const now = 1_000_000

describe('lifetimeOf', () => {
  it('backdates by a minute and ends after the TTL', () => {
    assert.deepEqual(lifetimeOf('x509', input), { now, notBefore: now - 60, notAfter: now + 3600 })
  })
  it('is limited by the role', () => {
    assert.equal(lifetimeOf('x509', { ...input, roleMaxTtlSeconds: 60 }).notAfter, now + 60)
  })
  it('never outlives the key that signs', () => {
    assert.equal(lifetimeOf('jwt', { ...input, signerNotAfter: now + 5 }).notAfter, now + 5)
  })
  it('fails under an expired key', () => {
    assert.throws(() => lifetimeOf('jwt', { ...input, signerNotAfter: now }), {
      code: 'ERR_CA_SIGNER_EXPIRED',
    })
  })
  it('has an upper limit whatever is requested', () => {
    assert.equal(lifetimeOf('x509', { ...input, ttlSeconds: 1e9 }).notAfter, now + 90 * 24 * 3600)
    assert.equal(lifetimeOf('jwt', { ...input, ttlSeconds: 1e9 }).notAfter, now + 24 * 3600)
  })
})
