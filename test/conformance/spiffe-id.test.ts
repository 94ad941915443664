import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { SpiffeId } from '../../src/spiffe/spiffe-id.ts'
import { TrustDomain } from '../../src/spiffe/trust-domain.ts'

const REFUSED = { code: 'ERR_SPIFFE_ID_INVALID', kind: 'invalid_argument' }

describe('a SPIFFE ID', () => {
  for (const [clause, what, text] of [
    ['ID-01, ID-02', 'of scheme, trust domain and path', 'spiffe://example.org/svc/payments'],
    ['ID-18', 'of a trust domain, without a path', 'spiffe://example.org'],
    ['ID-06', 'with an underscore in its trust domain', 'spiffe://a_b.c-d/x'],
    ['ID-08', 'whose trust domain looks like an IP address', 'spiffe://10.0.0.1/x'],
    ['ID-08', 'whose trust domain is not a DNS name', 'spiffe://-.-/x'],
    ['ID-08', 'whose trust domain has an empty label', 'spiffe://a..b/x'],
    ['ID-08', 'whose trust domain is an underscore', 'spiffe://_/x'],
    ['ID-08', 'whose trust domain is a dot', 'spiffe://./x'],
    ['ID-10', 'with a segment of three dots', 'spiffe://td/...'],
    ['ID-10', 'with a segment that begins with a dot', 'spiffe://td/.a'],
    ['ID-12', 'with every kind of character', 'spiffe://td/A.b-c_D/0'],
    ['ID-13', 'of 2048 bytes', `spiffe://td/${'a'.repeat(2048 - 12)}`],
    ['ID-15', 'with a trust domain of 255 bytes', `spiffe://${'a'.repeat(255)}/x`],
  ] as const) {
    it(`${clause}: ${what} is parsed, and formatted as it was`, () => {
      assert.equal(SpiffeId.parse(text).toString(), text)
    })
  }

  for (const [clause, text] of [
    ['ID-01', ''],
    ['ID-01', 'spiffe'],
    ['ID-01', 'spiffe:'],
    ['ID-01', 'spiffe:/td/a'],
    ['ID-01', 'https://td/a'],
    ['ID-01, T-01', 'SPIFFE://td/a'],
    ['ID-01, T-01', 'Spiffe://td/a'],
    ['ID-02', 'spiffe://'],
    ['ID-02', 'spiffe:///a'],
    ['ID-03', 'spiffe://td/a?x'],
    ['ID-03, T-36', 'spiffe://td/a?'],
    ['ID-03, T-36', 'spiffe://td/a#'],
    ['ID-03', 'spiffe://td/a#x'],
    ['ID-03', 'spiffe://td?'],
    ['ID-04', 'spiffe://u@td/a'],
    ['ID-04', 'spiffe://u:p@td/a'],
    ['ID-04, T-36', 'spiffe://@td/a'],
    ['ID-04', 'spiffe://td:80/a'],
    ['ID-04, T-36', 'spiffe://td:/a'],
    ['ID-05, T-01', 'spiffe://TD/a'],
    ['ID-06', 'spiffe://[::1]/a'],
    ['ID-06', 'spiffe://t~d/a'],
    ['ID-06', 'spiffe://t!d/a'],
    ['ID-06', 'spiffe://tđ/a'],
    ['ID-07', 'spiffe://exam%70le/a'],
    ['ID-09', 'spiffe://td/%61'],
    ['ID-09, T-36', 'spiffe://td/%2e%2e/a'],
    ['ID-10', 'spiffe://td//a'],
    ['ID-10', 'spiffe://td/a//b'],
    ['ID-10, T-36', 'spiffe://td/./a'],
    ['ID-10', 'spiffe://td/.'],
    ['ID-10, T-36', 'spiffe://td/a/..'],
    ['ID-10', 'spiffe://td/../a'],
    ['ID-11', 'spiffe://td/'],
    ['ID-11', 'spiffe://td/a/'],
    ['ID-12', 'spiffe://td/a b'],
    ['ID-12', 'spiffe://td/a:b'],
    ['ID-12', 'spiffe://td/a~b'],
    ['ID-12', 'spiffe://td/a*'],
    ['ID-12', 'spiffe://td/a\\b'],
    ['ID-12', 'spiffe://td/é'],
    ['ID-12, T-36', ' spiffe://td/a'],
    ['ID-12, T-36', 'spiffe://td/a '],
    ['ID-12, T-36', 'spiffe://td/a\n'],
    ['ID-12, T-36', 'spiffe://td/\ta'],
    ['ID-14', `spiffe://td/${'a'.repeat(2048 - 11)}`],
    ['ID-15', `spiffe://${'a'.repeat(256)}/x`],
  ] as const) {
    it(`${clause}: refuses ${JSON.stringify(text.slice(0, 40))} of ${text.length} characters`, () => {
      assert.throws(() => SpiffeId.parse(text), REFUSED)
    })
  }

  it('ID-16: with different case in its path is a different ID', () => {
    assert.notEqual(SpiffeId.parse('spiffe://td/A').toString(), SpiffeId.parse('spiffe://td/a').toString())
  })
})

describe('the name of a trust domain', () => {
  it('ID-06, ID-08: may have lower-case letters, digits, dots, dashes and underscores, in any order', () => {
    for (const name of ['example.org', '10.0.0.1', '-.-', 'a..b', '_', '.', '-'])
      assert.equal(TrustDomain.parse(name).id, `spiffe://${name}`)
  })

  it('ID-02 to ID-07: may have nothing else', () => {
    for (const name of ['', 'TD', 'td/a', 'td/', 'td:1', 'u@td', 'td?', 'td#', 'a%62', 'a b', 'é', '[::1]'])
      assert.throws(() => TrustDomain.parse(name), { code: 'ERR_SPIFFE_TRUST_DOMAIN_INVALID' })
  })

  it('ID-15: has at most 255 bytes', () => {
    assert.equal(TrustDomain.parse('a'.repeat(255)).name.length, 255)
    assert.throws(() => TrustDomain.parse('a'.repeat(256)), { code: 'ERR_SPIFFE_TRUST_DOMAIN_INVALID' })
  })
})
