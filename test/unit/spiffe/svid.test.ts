import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { before, describe, it } from 'node:test'
import { sequence } from '../../../src/crypto/der.ts'
import { JwsSigner } from '../../../src/crypto/jws.ts'
import { generateKeyPair } from '../../../src/crypto/keys.ts'
import { parseCertificate } from '../../../src/crypto/x509.ts'
import { Bundle } from '../../../src/spiffe/bundle.ts'
import { JwtSvidValidator, parseJwtSvid } from '../../../src/spiffe/jwt-svid.ts'
import { parseX509Svid, validateX509Svid } from '../../../src/spiffe/x509-svid.ts'
import { createTestCa, NOW, signTestLeaf } from '../../support/crypto-fixtures.ts'
import {
  anyExtension,
  caExtension,
  forgeCertificate,
  keyUsageExtension,
  uriExtension,
} from '../../support/forged-certificate.ts'
import { createTestTrustDomain } from '../../support/svid-fixtures.ts'

let own: Awaited<ReturnType<typeof createTestTrustDomain>>
let foreign: typeof own

before(async () => {
  own = await createTestTrustDomain()
  foreign = await createTestTrustDomain('partner.example')
})

describe('validateX509Svid', () => {
  const INVALID = { code: 'ERR_SPIFFE_X509_SVID_INVALID', publicMessage: 'not a valid X.509-SVID' }

  it('accepts what our CA signed, with its SPIFFE ID, also without EKU and DNS names', () => {
    for (const change of [
      {},
      { extKeyUsages: [] },
      { dnsSans: ['a.example'], subject: { commonName: 'a' } },
    ]) {
      const svid = validateX509Svid([signTestLeaf(own.ca, own.jwtKey.publicKeyDer, change)], own.bundle, NOW)
      assert.equal(svid.spiffeId.toString(), 'spiffe://example.org/web')
    }
  })

  it('refuses it with the bundle of another trust domain, with an empty one, and out of its time', () => {
    const leaf = signTestLeaf(own.ca, own.jwtKey.publicKeyDer)
    const pooled = Bundle.of({
      trustDomain: 'partner.example',
      x509Authorities: [own.ca.der],
      jwtAuthorities: [],
    })
    const empty = Bundle.of({ trustDomain: 'example.org', x509Authorities: [], jwtAuthorities: [] })
    for (const bundle of [foreign.bundle, pooled, empty])
      assert.throws(() => validateX509Svid([leaf], bundle, NOW), INVALID)
    for (const at of [NOW - 61, NOW + 3601])
      assert.throws(() => validateX509Svid([leaf], own.bundle, at), INVALID)
  })

  const usage = keyUsageExtension([0])
  const uri = uriExtension('spiffe://example.org/web')
  for (const [what, extensions] of Object.entries<readonly Buffer[]>({
    'is a CA (X5V-02)': [caExtension(), usage, uri],
    'may sign certificates (X5V-03)': [keyUsageExtension([0, 5]), uri],
    'may sign CRLs (X5V-03)': [keyUsageExtension([0, 6]), uri],
    'has two URIs (X5V-04)': [usage, uriExtension('spiffe://example.org/web', 'https://example.org')],
    'has the same URI twice (X5V-04)': [
      usage,
      uriExtension('spiffe://example.org/web', 'spiffe://example.org/web'),
    ],
    'has no URI (X5V-05)': [usage],
    'has a URI of another scheme (X5V-05)': [usage, uriExtension('https://example.org/web')],
    'has no path (X5V-06)': [usage, uriExtension('spiffe://example.org')],
    'has an empty path (X5V-06)': [usage, uriExtension('spiffe://example.org/')],
    'would be mended by a URL parser (X5V-07)': [usage, uriExtension('spiffe://example.org/a/../web')],
    'is in upper case (X5V-07)': [usage, uriExtension('spiffe://EXAMPLE.org/web')],
    'has no key usage (X5V-09)': [uri],
    'has a key usage that is not critical (X5V-09)': [keyUsageExtension([0], false), uri],
    'has name constraints (X5V-12)': [usage, uri, anyExtension('2.5.29.30', true, sequence())],
    'has an unknown critical extension (X5V-01)': [usage, uri, anyExtension('1.2.3', true, sequence())],
  })) {
    it(`refuses a leaf that ${what}`, () => {
      const issuerDer = parseCertificate(own.ca.der).subjectDer
      const forged = forgeCertificate({ signer: own.ca.key, issuerDer, key: own.jwtKey, extensions })
      assert.throws(() => validateX509Svid([forged], own.bundle, NOW), INVALID)
    })
  }

  it('accepts the same forgery when nothing is wrong with it', () => {
    const issuerDer = parseCertificate(own.ca.der).subjectDer
    const sound = forgeCertificate({
      signer: own.ca.key,
      issuerDer,
      key: own.jwtKey,
      extensions: [usage, uri],
    })
    validateX509Svid([sound], own.bundle, NOW)
  })

  it('refuses a root as its own leaf, a leaf above a leaf, and nothing', async () => {
    const leaf = signTestLeaf(own.ca, own.jwtKey.publicKeyDer)
    for (const chain of [[own.ca.der], [leaf, leaf], [], [Buffer.from('x')]]) {
      assert.throws(() => parseX509Svid(chain), INVALID)
    }
    const tooDeep = await createTestCa({ parent: own.ca }) // own.ca has the path length 0
    const below = signTestLeaf(tooDeep, own.jwtKey.publicKeyDer)
    assert.throws(() => validateX509Svid([below, tooDeep.der], own.bundle, NOW), INVALID)
  })
})

describe('JwtSvidValidator', () => {
  const validate = (token: string, change: object = {}, validator = new JwtSvidValidator()) =>
    validator.validate(token, {
      audience: 'db',
      nowSeconds: NOW,
      bundleFor: (name) =>
        name === 'example.org' ? own.bundle : name === 'partner.example' ? foreign.bundle : undefined,
      ...change,
    })
  const refused = (token: string, reason: string, change: object = {}): void => {
    assert.throws(() => validate(token, change), {
      code: 'ERR_SPIFFE_JWT_SVID_INVALID',
      publicMessage: 'the JWT-SVID is not valid',
      reason,
    })
  }
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')

  it('accepts what is right, of both trust domains', () => {
    const svid = validate(own.signer.sign({ ...own.claims, extra: { a: 1 } }))
    assert.equal(svid.spiffeId.toString(), 'spiffe://example.org/web')
    assert.deepEqual([svid.audience, svid.expiresAt, svid.kid], [['db'], NOW + 300, 'k1'])
    assert.deepEqual(svid.claims['extra'], { a: 1 })
    validate(foreign.signer.sign(foreign.claims))
    validate(own.signer.sign({ ...own.claims, aud: 'db' }))
    validate(own.signer.sign({ ...own.claims, aud: ['a', 'db'] }))
    assert.deepEqual(parseJwtSvid(own.signer.sign(own.claims)).claims, own.claims)
  })

  const claimCases: readonly (readonly [string, object, string])[] = [
    ['no exp', { exp: undefined }, 'claims'],
    ['an exp in a string', { exp: '2000000000' }, 'claims'],
    ['an exp in milliseconds', { exp: (NOW + 300) * 1000 }, 'claims'],
    ['an exp that is now', { exp: NOW }, 'expired'],
    ['an nbf that is later', { nbf: NOW + 1 }, 'not_yet_valid'],
    ['an nbf in a string', { nbf: '0' }, 'claims'],
    ['an iat that is later', { iat: NOW + 1 }, 'not_yet_valid'],
    ['an iat that is null', { iat: null }, 'claims'],
    ['no aud', { aud: undefined }, 'audience'],
    ['an empty aud', { aud: [] }, 'audience'],
    ['an aud with an empty text', { aud: ['db', ''] }, 'audience'],
    ['an aud with a number', { aud: ['db', 1] }, 'audience'],
    ['another aud', { aud: ['DB'] }, 'audience'],
    ['an aud that only begins alike', { aud: 'db.example' }, 'audience'],
    ['no sub', { sub: undefined }, 'subject'],
    ['a sub that is no SPIFFE ID', { sub: 'https://example.org/web' }, 'subject'],
    ['a sub without a path', { sub: 'spiffe://example.org' }, 'subject'],
    ['a sub of a trust domain without a bundle', { sub: 'spiffe://nobody.example/web' }, 'no_bundle'],
    ['a sub of the other trust domain', { sub: 'spiffe://partner.example/web' }, 'signature'],
  ]
  for (const [what, change, reason] of claimCases) {
    it(`refuses ${what} (${reason})`, () => refused(own.signer.sign({ ...own.claims, ...change }), reason))
  }

  const headerCases: readonly (readonly [string, object, string])[] = [
    ['none', { alg: 'none', kid: 'k1' }, 'algorithm'],
    ['EdDSA', { alg: 'EdDSA', kid: 'k1' }, 'algorithm'],
    ['ES256K', { alg: 'ES256K', kid: 'k1' }, 'algorithm'],
    ['es256', { alg: 'es256', kid: 'k1' }, 'algorithm'],
    ['no alg', { kid: 'k1' }, 'algorithm'],
    ['an alg that the key does not fit', { alg: 'ES384', kid: 'k1' }, 'signature'],
    ['an RSA alg', { alg: 'RS256', kid: 'k1' }, 'signature'],
    ['no kid', { alg: 'ES256' }, 'key_id'],
    ['an empty kid', { alg: 'ES256', kid: '' }, 'key_id'],
    ['another kid', { alg: 'ES256', kid: 'k2' }, 'unknown_key'],
    ['typ at+jwt', { alg: 'ES256', kid: 'k1', typ: 'at+jwt' }, 'type'],
    ['typ wit+jwt', { alg: 'ES256', kid: 'k1', typ: 'wit+jwt' }, 'type'],
    ['a jwk', { alg: 'ES256', kid: 'k1', jwk: {} }, 'header'],
    ['a jku', { alg: 'ES256', kid: 'k1', jku: 'https://example.org' }, 'header'],
    ['an x5c', { alg: 'ES256', kid: 'k1', x5c: [] }, 'header'],
    ['crit', { alg: 'ES256', kid: 'k1', crit: ['x'] }, 'malformed'],
  ]
  for (const [what, header, reason] of headerCases) {
    it(`refuses a header with ${what} (${reason})`, () => {
      const [, claims, signature] = own.signer.sign(own.claims).split('.')
      refused(`${part(header)}.${claims}.${signature}`, reason)
    })
  }

  it('refuses a token whose shared secret is our public key', () => {
    const input = `${part({ alg: 'HS256', kid: 'k1' })}.${part(own.claims)}`
    const pem = own.jwtKey.publicKey.export({ format: 'pem', type: 'spki' })
    refused(`${input}.${createHmac('sha256', pem).update(input).digest('base64url')}`, 'algorithm')
  })

  it('refuses a token of another key, and one by an X.509 authority of the bundle', async () => {
    for (const { privateKey } of [await generateKeyPair(), own.ca.key, foreign.jwtKey]) {
      refused(new JwsSigner({ alg: 'ES256', kid: 'k1', privateKey }).sign(own.claims), 'signature')
    }
  })

  it('looks again at everything but the signature when it knows a token', () => {
    const validator = new JwtSvidValidator()
    const token = own.signer.sign(own.claims)
    const first = validate(token, {}, validator)
    assert.deepEqual(validate(token, {}, validator), first)
    assert.ok(Object.isFrozen(first.claims))
    const stillRefused = (change: object, reason: string): void => {
      assert.throws(() => validate(token, change, validator), { reason })
    }
    stillRefused({ nowSeconds: NOW + 300 }, 'expired')
    stillRefused({ nowSeconds: NOW - 61 }, 'not_yet_valid')
    stillRefused({ nowSeconds: Number.NaN }, 'expired')
    stillRefused({ audience: 'other' }, 'audience')
    stillRefused({ bundleFor: () => undefined }, 'no_bundle')
    stillRefused({ bundleFor: () => foreign.bundle }, 'no_bundle')
    const withKey = (publicKeyDer?: Buffer): Bundle =>
      Bundle.of({
        trustDomain: 'example.org',
        x509Authorities: [],
        jwtAuthorities: publicKeyDer === undefined ? [] : [{ kid: 'k1', publicKeyDer }],
      })
    stillRefused({ bundleFor: () => withKey() }, 'unknown_key')
    stillRefused({ bundleFor: () => withKey(foreign.jwtKey.publicKeyDer) }, 'signature')
    validate(token, { bundleFor: () => withKey(own.jwtKey.publicKeyDer) }, validator)
    const [header, claims] = token.split('.')
    assert.throws(() => validate(`${header}.${claims}.AAAA`, {}, validator), { reason: 'signature' })
  })

  it('forgets the oldest when it is full, and works without a memory', () => {
    for (const cacheSize of [0, 1, 2]) {
      const validator = new JwtSvidValidator({ cacheSize })
      const tokens = [1, 2, 3].map((n) => own.signer.sign({ ...own.claims, n }))
      for (const token of [...tokens, ...tokens]) validate(token, {}, validator)
    }
  })
})
