import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import { exportJwk } from '../../src/crypto/jwk.ts'
import { generateKeyPair } from '../../src/crypto/keys.ts'
import { Bundle } from '../../src/spiffe/bundle.ts'
import { JwtSvidValidator } from '../../src/spiffe/jwt-svid.ts'
import { validateX509Svid } from '../../src/spiffe/x509-svid.ts'
import { createTestCa, NOW, signTestLeaf } from '../support/crypto-fixtures.ts'
import { createTestTrustDomain } from '../support/svid-fixtures.ts'

type Jwk = Record<string, unknown>

let own: Awaited<ReturnType<typeof createTestTrustDomain>>
let x509Jwk: Jwk
let jwtJwk: Jwk

before(async () => {
  own = await createTestTrustDomain()
  ;[x509Jwk, jwtJwk] = JSON.parse(own.bundle.format().toString()).keys as [Jwk, Jwk]
})

const parse = (document: object): Bundle => Bundle.parse('example.org', JSON.stringify(document))
/** The numbers of X.509 authorities and of JWT authorities. */
const keysOf = (bundle: Bundle): number[] => [bundle.x509Authorities.length, bundle.jwtAuthorities.size]

/** Asserts that the key is skipped and that other keys are read. */
function assertSkipped(jwk: Jwk): void {
  assert.deepEqual(keysOf(parse({ keys: [jwk] })), [0, 0])
  assert.deepEqual(keysOf(parse({ keys: [jwk, x509Jwk, jwtJwk] })), [1, 1])
}
const notABundle = (json: string): void =>
  assert.throws(() => Bundle.parse('example.org', json), { code: 'ERR_SPIFFE_BUNDLE_INVALID' })

describe('reading a SPIFFE bundle', () => {
  it('BNC-01: skips a key of an unknown type or on an unknown curve', () => {
    assertSkipped({ kty: 'AKP', use: 'jwt-svid', kid: 'a' })
    assertSkipped({ ...jwtJwk, crv: 'secp256k1' })
    assertSkipped({ ...x509Jwk, kty: 'AKP' })
    assertSkipped({ ...x509Jwk, crv: 'secp256k1' })
  })

  for (const use of [undefined, 'sig', 'X509-SVID', 'JWT-SVID', 'foo-svid', 'wit-svid', 1]) {
    it(`BNC-02: skips keys whose use is ${JSON.stringify(use)}`, () => {
      assertSkipped({ ...jwtJwk, use })
      assertSkipped({ ...x509Jwk, use })
    })
  }

  it('BNC-03: skips an X.509 authority without a certificate', () => {
    assertSkipped({ ...x509Jwk, x5c: undefined })
    assertSkipped({ ...x509Jwk, x5c: [] })
  })

  it('BNC-04: uses the first of several certificates', async () => {
    const second = await createTestCa({ name: 'second' })
    const bundle = parse({ keys: [{ ...x509Jwk, x5c: [own.ca.der, second.der].map(toBase64) }] })
    assert.deepEqual(bundle.x509Authorities, [own.ca.der])
    assert.deepEqual(keysOf(parse({ keys: [{ ...x509Jwk, x5c: [toBase64(own.ca.der), '!'] }] })), [1, 0])
  })

  it('BNC-05: trusts all X.509 authorities, and no X.509-SVID when there are none', async () => {
    const second = await createTestCa({ name: 'second' })
    const bundle = parse({ keys: [x509Jwk, jwkOf(second.der, second.key.publicKeyDer), jwtJwk] })
    for (const ca of [own.ca, second])
      validateX509Svid([signTestLeaf(ca, own.jwtKey.publicKeyDer)], bundle, NOW)
    const leaf = signTestLeaf(own.ca, own.jwtKey.publicKeyDer)
    assert.throws(() => validateX509Svid([leaf], parse({ keys: [jwtJwk] }), NOW), /no trusted CA issued it/)
  })

  it('BNC-06, BNC-10: uses JWT keys for JWT-SVIDs only, and rejects JWT-SVIDs when there are none', () => {
    const input = { audience: 'db', nowSeconds: NOW }
    const token = own.signer.sign(own.claims)
    const valid = (bundle: Bundle) =>
      new JwtSvidValidator().validate(token, { ...input, bundleFor: () => bundle })
    valid(parse({ keys: [jwtJwk] }))
    assert.throws(() => valid(parse({ keys: [x509Jwk] })), { reason: 'unknown_key' })
    const ofOther = Bundle.parse('partner.example', JSON.stringify({ keys: [jwtJwk] }))
    assert.throws(() => valid(ofOther), { reason: 'no_bundle' })
  })

  it('BNC-08, BND-21, T-50: an empty list of keys is a bundle that trusts nothing', () => {
    const bundle = parse({ keys: [] })
    assert.deepEqual(keysOf(bundle), [0, 0])
    const leaf = signTestLeaf(own.ca, own.jwtKey.publicKeyDer)
    assert.throws(() => validateX509Svid([leaf], bundle, NOW), /no trusted CA issued it/)
  })

  it('BNC-09, T-50: a document without a list of keys is not a bundle', () => {
    for (const json of ['{}', '{"keys":null}', '{"keys":{}}', '[]', '', 'null', '<html>404</html>'])
      notABundle(json)
  })

  it('BNC-11: does not use a certificate that is not a CA as a trust anchor', () => {
    assertSkipped(jwkOf(signTestLeaf(own.ca, own.jwtKey.publicKeyDer), own.jwtKey.publicKeyDer))
  })

  it('BNC-11: does not trust a CA that has expired', async () => {
    const expired = await createTestCa({ notBefore: NOW - 100, notAfter: NOW - 1 })
    const bundle = parse({ keys: [jwkOf(expired.der, expired.key.publicKeyDer)] })
    const leaf = signTestLeaf(expired, own.jwtKey.publicKeyDer, { notAfter: NOW - 1 })
    assert.throws(() => validateX509Svid([leaf], bundle, NOW), /a certificate has expired/)
  })

  it('BND-04, T-51: keeps every bit of a sequence number', () => {
    for (const sequence of [2n ** 53n + 1n, 2n ** 63n, 2n ** 64n - 1n]) {
      const bundle = Bundle.parse('example.org', `{"keys":[],"spiffe_sequence":${sequence}}`)
      assert.equal(bundle.sequence, sequence)
      assert.ok(bundle.format().includes(`"spiffe_sequence":${sequence}`))
    }
  })

  it('BND-03, BND-06: ignores a sequence number or a refresh hint that is not a whole number', () => {
    for (const value of ['-1', '1.5', '"1"', '"5m"', 'null', 'true']) {
      for (const member of ['spiffe_sequence', 'spiffe_refresh_hint']) {
        const bundle = Bundle.parse(
          'example.org',
          `{"keys":[${JSON.stringify(jwtJwk)}],"${member}":${value}}`,
        )
        assert.deepEqual([bundle.sequence, bundle.refreshHintSeconds], [undefined, undefined])
        assert.deepEqual(keysOf(bundle), [0, 1])
      }
    }
  })

  it('T-06: reads the refresh hint from spiffe_refresh_hint only', () => {
    assert.equal(parse({ keys: [], spiffe_refresh_hint: 60 }).refreshHintSeconds, 60)
    assert.equal(parse({ keys: [], refresh_hint: 60 }).refreshHintSeconds, undefined)
  })

  it('BND-07: needs no member but keys, and ignores others', () => {
    assert.deepEqual(keysOf(parse({ keys: [x509Jwk, jwtJwk] })), [1, 1])
    const more = { ...jwtJwk, alg: 'ES256', key_ops: ['verify'], x5t: 'a', more: {} }
    assert.deepEqual(keysOf(parse({ keys: [more, x509Jwk], issuer: 'https://example.org' })), [1, 1])
  })

  it('BND-08: skips a key of a known use without a key type', () => {
    assertSkipped({ ...jwtJwk, kty: undefined })
  })

  it('BND-12, BND-15, ENC-10: skips a certificate of another key, in base64url, in PEM or with trailing bytes', () => {
    const refuse = (change: Jwk): void => assertSkipped({ ...x509Jwk, ...change })
    refuse(exportJwk(own.jwtKey.publicKeyDer))
    refuse({ x5c: [own.ca.der.toString('base64url')] })
    refuse({ x5c: [toBase64(Buffer.concat([own.ca.der, own.ca.der]))] })
    refuse({ x5c: [`-----BEGIN CERTIFICATE-----\n${toBase64(own.ca.der)}\n-----END CERTIFICATE-----`] })
  })

  it('BND-16, BND-18: skips JWT keys without a kid, and the second of two keys with the same kid', async () => {
    for (const kid of [undefined, '', 1]) assertSkipped({ ...jwtJwk, kid })
    const other = exportJwk((await generateKeyPair()).publicKeyDer)
    const bundle = parse({ keys: [jwtJwk, { ...jwtJwk, ...other }] })
    assert.ok(bundle.jwtAuthorities.get('k1')?.equals(own.jwtKey.publicKey))
  })

  it('T-56: refuses a duplicate member', () => {
    notABundle('{"keys":[],"keys":[]}')
  })

  it('BND-22: a bundle belongs to a trust domain from the start', () => {
    assert.equal(parse({ keys: [] }).trustDomain, 'example.org')
    for (const name of ['', 'Example.org', 'example.org/a'])
      assert.throws(() => Bundle.parse(name, '{"keys":[]}'), { code: 'ERR_SPIFFE_TRUST_DOMAIN_INVALID' })
  })
})

const toBase64 = (der: Buffer): string => der.toString('base64')

function jwkOf(der: Buffer, publicKeyDer: Buffer): Jwk {
  return { use: 'x509-svid', ...exportJwk(publicKeyDer), x5c: [toBase64(der)] }
}
