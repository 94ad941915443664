import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { SpiffeId } from '../../../src/spiffe/spiffe-id.ts'
import { TrustDomain } from '../../../src/spiffe/trust-domain.ts'

const isRefused = (task: () => unknown, code: string): boolean => {
  try {
    task()
    return false
  } catch (error) {
    assert.equal((error as { code?: string }).code, code)
    return true
  }
}
const allBytes = Array.from({ length: 256 }, (_, byte) => String.fromCharCode(byte))

describe('SpiffeId.parse', () => {
  it('checks each of the 256 byte values, in the trust domain and in the path', () => {
    const inPath = allBytes.filter(
      (c) => !isRefused(() => SpiffeId.parse(`spiffe://td/x${c}x`), 'ERR_SPIFFE_ID_INVALID'),
    )
    assert.equal(inPath.join(''), '-./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz')
    const inDomain = allBytes.filter(
      (c) => !isRefused(() => SpiffeId.parse(`spiffe://x${c}x/a`), 'ERR_SPIFFE_ID_INVALID'),
    )
    // A slash ends the trust domain, so it is not refused.
    assert.equal(inDomain.join(''), '-./0123456789_abcdefghijklmnopqrstuvwxyz')
  })

  it('separates trust domain and path', () => {
    const { trustDomain, path } = SpiffeId.parse('spiffe://example.org/a/b')
    assert.deepEqual([trustDomain, path], ['example.org', '/a/b'])
    assert.equal(SpiffeId.parse('spiffe://example.org').path, '')
  })
})

describe('SpiffeId.of', () => {
  it('combines what fits, and refuses what does not', () => {
    assert.equal(SpiffeId.of('td', '/a').toString(), 'spiffe://td/a')
    assert.equal(SpiffeId.of('td', '').toString(), 'spiffe://td')
    for (const [domain, path] of [
      ['td', 'a'],
      ['td', '/'],
      ['td/a', '/b'],
      ['', '/a'],
      ['spiffe://td', '/a'],
      ['td', `/${'a'.repeat(2047 - 10)}`],
      ['td', `/${'a'.repeat(3000)}`],
    ] as const) {
      assert.throws(() => SpiffeId.of(domain, path), { code: 'ERR_SPIFFE_ID_INVALID' })
    }
  })
})

describe('TrustDomain.parse', () => {
  it('reads a name and an ID', () => {
    for (const text of ['example.org', 'spiffe://example.org']) {
      const { name, id } = TrustDomain.parse(text)
      assert.deepEqual([name, id], ['example.org', 'spiffe://example.org'])
    }
    assert.equal(TrustDomain.parse('a'.repeat(255)).name.length, 255)
  })
  for (const text of [
    '',
    'spiffe://',
    'Example.org',
    'a/b',
    'spiffe://td/a',
    'spiffe://td/',
    'a:1',
    'a b',
    'a\n',
    'é',
    'a'.repeat(256),
    'SPIFFE://td',
  ]) {
    it(`refuses ${JSON.stringify(text.slice(0, 30))} (${text.length} characters)`, () => {
      assert.throws(() => TrustDomain.parse(text), { code: 'ERR_SPIFFE_TRUST_DOMAIN_INVALID' })
    })
  }
  it('checks each of the 256 byte values', () => {
    const allowed = allBytes.filter(
      (c) => !isRefused(() => TrustDomain.parse(`x${c}x`), 'ERR_SPIFFE_TRUST_DOMAIN_INVALID'),
    )
    assert.equal(allowed.join(''), '-.0123456789_abcdefghijklmnopqrstuvwxyz')
  })
})
