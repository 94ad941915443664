import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { authorizeAny, authorizeId, authorizeMemberOf } from '../../../src/client/authorize.ts'
import { SpiffeId } from '../../../src/spiffe/spiffe-id.ts'

const WEB = SpiffeId.parse('spiffe://example.org/web')

describe('authorizeId', () => {
  it('accepts the given IDs, and no others', () => {
    const authorize = authorizeId('spiffe://example.org/web', SpiffeId.parse('spiffe://partner.example/db'))
    assert.equal(authorize(WEB, []), true)
    assert.equal(authorize(SpiffeId.parse('spiffe://partner.example/db'), []), true)
    for (const other of [
      'spiffe://example.org/we',
      'spiffe://example.org/web/x',
      'spiffe://partner.example/web',
    ])
      assert.equal(authorize(SpiffeId.parse(other), []), false, other)
  })

  it('cannot be created from nothing, or from something that is not a SPIFFE ID', () => {
    assert.throws(() => authorizeId(), TypeError)
    assert.throws(() => authorizeId('https://example.org/web'), { code: 'ERR_SPIFFE_ID_INVALID' })
  })
})

describe('authorizeMemberOf', () => {
  it('accepts every ID of the trust domains, given by name or ID, and no others', () => {
    const authorize = authorizeMemberOf('example.org', 'spiffe://partner.example')
    assert.equal(authorize(WEB, []), true)
    assert.equal(authorize(SpiffeId.parse('spiffe://partner.example/db'), []), true)
    assert.equal(authorize(SpiffeId.parse('spiffe://web.example.org/web'), []), false)
  })

  it('cannot be created from nothing, or from something that is not a trust domain', () => {
    assert.throws(() => authorizeMemberOf(), TypeError)
    assert.throws(() => authorizeMemberOf('spiffe://example.org/web'), {
      code: 'ERR_SPIFFE_TRUST_DOMAIN_INVALID',
    })
  })
})

describe('authorizeAny', () => {
  it('accepts every peer with a valid chain', () => assert.equal(authorizeAny()(WEB, []), true))
})
