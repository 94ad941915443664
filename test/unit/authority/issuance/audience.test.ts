import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { refuseAudience } from '../../../../src/authority/issuance/audience.ts'

describe('refuseAudience', () => {
  const permitted: readonly (readonly string[])[] = [
    ['spiffe://example.org/db'],
    ['a', 'b'],
    ['https://vault.internal'],
    ['signets'],
    ['authority.other.org'],
    Array.from({ length: 32 }, (_, i) => `aud-${i}`),
    ['ä'.repeat(512)],
  ]
  for (const audience of permitted) {
    it(`permits ${JSON.stringify(audience).slice(0, 60)}`, () => {
      assert.equal(refuseAudience(audience, 'example.org'), undefined)
    })
  }
  const refused: readonly (readonly string[])[] = [
    [],
    [''],
    ['a', ''],
    Array.from({ length: 33 }, (_, i) => `aud-${i}`),
    ['ä'.repeat(513)],
    Array.from({ length: 5 }, (_, i) => `${i}`.repeat(1000)),
    ['signet'],
    ['Signet'],
    ['signet:kubernetes'],
    ['signet/anything'],
    ['a', 'signet.admin'],
    ['authority.example.org'],
    ['AUTHORITY.example.org'],
    ['https://authority.example.org:7443/path'],
  ]
  for (const audience of refused) {
    it(`refuses ${JSON.stringify(audience).slice(0, 60)}`, () => {
      assert.equal(typeof refuseAudience(audience, 'example.org'), 'string')
    })
  }
})
