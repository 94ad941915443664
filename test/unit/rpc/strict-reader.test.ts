import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { decodeMessage, encodeMessage, method } from '../../../src/rpc/services.ts'

/** A JWTSVIDRequest whose only audience has these bytes, and `length` as its length prefix. */
function request(audience: Buffer, length = audience.length): Buffer {
  return Buffer.concat([Buffer.from([0x0a, length]), audience])
}

const read = (bytes: Buffer): string[] =>
  (decodeMessage('JWTSVIDRequest', bytes) as { audience: string[] }).audience

describe('a string in a message', () => {
  const long = 'ü'.repeat(60)
  for (const text of [
    '',
    'ascii',
    'grüße',
    '日本',
    '🪪',
    '\u0000',
    '\ufeffbom',
    '\u{10ffff}',
    `${'a'.repeat(100)}`,
    long,
  ]) {
    it(`is read as it was written: ${JSON.stringify(text.slice(0, 12))}, ${text.length} long`, () => {
      assert.deepEqual(read(encodeMessage('JWTSVIDRequest', { audience: [text] })), [text])
    })
  }

  for (const [what, hex] of [
    ['a lone continuation', '80'],
    ['a truncated sequence', 'c3'],
    ['a byte that UTF-8 never uses', 'ff'],
    ['an overlong slash', 'c0af'],
    ['an overlong NUL of three bytes', 'e08080'],
    ['a surrogate', 'eda080'],
    ['a pair of surrogates (CESU-8)', 'eda081edb080'],
    ['a code point above the last', 'f4908080'],
    ['a wrong byte after valid ones', `${'61'.repeat(100)}ff`],
  ] as const) {
    it(`is refused when it has ${what}`, () => {
      assert.throws(() => read(request(Buffer.from(hex, 'hex'))), { code: 'ERR_RPC_MESSAGE_MALFORMED' })
    })
  }

  it('is refused when it ends after the message', () => {
    assert.throws(() => read(request(Buffer.from('abc'), 4)), { code: 'ERR_RPC_MESSAGE_MALFORMED' })
  })

  for (const [what, type, hex] of [
    ['in an inner message', 'X509SVIDResponse', '0a030a01ff'],
    ['as the key of a map', 'X509BundlesResponse', '1205 0a01ff 1200'],
    ['in a list of a list', 'envoy.service.discovery.v3.DiscoveryRequest', '1a01ff'],
  ] as const) {
    it(`is refused ${what}`, () => {
      const bytes = Buffer.from(hex.replaceAll(' ', ''), 'hex')
      assert.throws(() => decodeMessage(type, bytes), { code: 'ERR_RPC_MESSAGE_MALFORMED' })
    })
  }
})

describe('a request', () => {
  it('has a bounded number of elements, however short they are', () => {
    const { requestDeserialize } = method('signet.v1.IssuanceService', 'IssueX509Svids')
    const batch = (elements: number): Buffer => Buffer.alloc(2 * elements, Buffer.from([0x0a, 0x00]))
    assert.equal((requestDeserialize(batch(10_000)) as { requests: unknown[] }).requests.length, 10_000)
    assert.throws(() => requestDeserialize(batch(40_000)), { code: 'ERR_RPC_MESSAGE_MALFORMED' })
  })
})
