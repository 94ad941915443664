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
    ['signet-archive'],
    ['designet'],
    ['https://example.org/signet'],
    ['https://vault.internal/%41?authority=authority.other.org'],
    ['https://vault.internal/?at=authority.example.org'],
    ['https://xauthority.example.org'],
    ['https://authority.example.org.evil.test'],
    ['100%'],
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
    ['a\u0001'],
    ['a\nb'],
    ['a\u0085'],
    [`signet${'.'.repeat(500)}`],
    ['signet'],
    ['Signet'],
    ['signet:kubernetes'],
    ['signet/anything'],
    ['a', 'signet.admin'],
    ['authority.example.org'],
    ['AUTHORITY.example.org'],
    ['https://authority.example.org:7443/path'],
    [' signet'],
    ['signet\u00a0'],
    ['sig\u200bnet'],
    ['sig\u00adnet'],
    ['\tsignet\n'],
    ['signet.'],
    ['signet..'],
    ['signet@'],
    ['signet?x'],
    ['signet#x'],
    ['ｓｉｇｎｅｔ'],
    ['\u017fignet'],
    ['urn:signet:audit'],
    ['https://signet'],
    ['//signet/'],
    ['spiffe://signet/'],
    ['%73ignet'],
    ['%2573ignet'],
    ['authority.example.org.'],
    ['AUTHORITY.EXAMPLE.ORG..'],
    ['authority。example。org'],
    ['https://authority.example.org./'],
    ['https://user:word@authority.example.org/'],
    ['https:authority.example.org'],
    ['https:/authority.example.org'],
    ['https:\\\\authority.example.org'],
    ['https:///authority.example.org'],
    ['//authority.example.org'],
    ['spiffe://authority.example.org/x'],
    ['x-y+z://authority.example.org:1/x'],
    ['authority.example.org:7443'],
    ['a@authority.example.org'],
    ['https://auth\nority.example.org'],
    ['https://authority%2Eexample.org'],
    ['https://authority.example.org?x'],
  ]
  for (const audience of refused) {
    it(`refuses ${JSON.stringify(audience).slice(0, 60)}`, () => {
      assert.equal(typeof refuseAudience(audience, 'example.org'), 'string')
    })
  }
})
