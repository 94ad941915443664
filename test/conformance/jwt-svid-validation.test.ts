import assert from 'node:assert/strict'
import { createHmac, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { before, describe, it } from 'node:test'
import { SignJWT } from 'jose'
import { JwsSigner } from '../../src/crypto/jws.ts'
import { generateKeyPair } from '../../src/crypto/keys.ts'
import { Bundle } from '../../src/spiffe/bundle.ts'
import { JwtSvidValidator } from '../../src/spiffe/jwt-svid.ts'
import { NOW } from '../support/crypto-fixtures.ts'
import { createTestTrustDomain } from '../support/svid-fixtures.ts'

let own: Awaited<ReturnType<typeof createTestTrustDomain>>
let foreign: typeof own

before(async () => {
  own = await createTestTrustDomain()
  foreign = await createTestTrustDomain('partner.example')
})

const validate = (token: string, bundle?: Bundle) =>
  new JwtSvidValidator().validate(token, {
    audience: 'db',
    nowSeconds: NOW,
    bundleFor: (name) =>
      bundle ??
      (name === 'example.org' ? own.bundle : name === 'partner.example' ? foreign.bundle : undefined),
  })
const refused = (token: string, reason: string, bundle?: Bundle): void => {
  assert.throws(() => validate(token, bundle), {
    code: 'ERR_SPIFFE_JWT_SVID_INVALID',
    publicMessage: 'the JWT-SVID is not valid',
    reason,
  })
}
const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')

/** Signs as any other implementation would: jose shares no code with Signet. */
const signed = (alg: string, key: KeyObject, claims: Record<string, unknown> = own.claims): Promise<string> =>
  new SignJWT(claims).setProtectedHeader({ alg, kid: 'k1', typ: 'JWT' }).sign(key)

/** A bundle with one JWT key, as another implementation publishes it. */
function published(publicKey: KeyObject, members: object = {}): Bundle {
  const jwk = { use: 'jwt-svid', kid: 'k1', ...publicKey.export({ format: 'jwk' }), ...members }
  return Bundle.parse('example.org', JSON.stringify({ keys: [jwk] }))
}

describe('validation of a JWT-SVID', () => {
  it('JWTV-03, JWTV-05: accepts valid tokens, each with the bundle of its trust domain, whether aud is a list or not', () => {
    const svid = validate(own.signer.sign({ ...own.claims, extra: { a: 1 } }))
    assert.equal(svid.spiffeId.toString(), 'spiffe://example.org/web')
    assert.deepEqual([svid.audience, svid.expiresAt, svid.kid], [['db'], NOW + 300, 'k1'])
    assert.deepEqual(svid.claims['extra'], { a: 1 })
    validate(foreign.signer.sign(foreign.claims))
    validate(own.signer.sign({ ...own.claims, aud: 'db' }))
    validate(own.signer.sign({ ...own.claims, aud: ['a', 'db'] }))
  })

  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const curves = { ES256: 'P-256', ES384: 'P-384', ES512: 'P-521' }
  for (const alg of ['ES256', 'ES384', 'ES512', 'RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512']) {
    it(`JWTV-02: accepts ${alg}`, async () => {
      const namedCurve = curves[alg as keyof typeof curves]
      const pair = namedCurve === undefined ? rsa : generateKeyPairSync('ec', { namedCurve })
      validate(await signed(alg, pair.privateKey), published(pair.publicKey))
    })
  }

  it('JWTV-02: refuses EdDSA, which the standard does not allow for JWT-SVIDs (T-62)', async () => {
    const pair = generateKeyPairSync('ed25519')
    refused(await signed('EdDSA', pair.privateKey), 'algorithm', published(pair.publicKey))
  })

  it('JWTV-12: refuses an algorithm that does not fit the key', async () => {
    const pair = generateKeyPairSync('ec', { namedCurve: 'P-384' })
    const [, claims, signature] = (await signed('ES384', pair.privateKey)).split('.')
    for (const alg of ['ES256', 'RS256', 'PS256']) {
      const token = `${part({ alg, kid: 'k1' })}.${claims}.${signature}`
      refused(token, 'signature', published(pair.publicKey))
    }
  })

  for (const [clause, what, change, reason] of [
    ['JWTV-03', 'no aud', { aud: undefined }, 'audience'],
    ['JWTV-03', 'an empty aud', { aud: [] }, 'audience'],
    ['JWTV-03', 'an aud with an empty string', { aud: ['db', ''] }, 'audience'],
    ['JWTV-03', 'an aud with a number', { aud: ['db', 1] }, 'audience'],
    ['JWTV-03', 'another aud', { aud: ['DB'] }, 'audience'],
    ['JWTV-03', 'an aud with the expected one as its prefix', { aud: 'db.example' }, 'audience'],
    ['JWTV-04', 'no exp', { exp: undefined }, 'claims'],
    ['JWTV-04', 'an exp in a string', { exp: '2000000000' }, 'claims'],
    ['JWTV-04', 'an exp in milliseconds', { exp: (NOW + 300) * 1000 }, 'claims'],
    ['JWTV-04', 'an exp one minute ago', { exp: NOW - 60 }, 'expired'],
    ['JWTV-05', 'no sub', { sub: undefined }, 'subject'],
    ['JWTV-05', 'a sub that is not a URI', { sub: 'foo' }, 'subject'],
    ['JWTV-05', 'a sub with another scheme', { sub: 'https://example.org/web' }, 'subject'],
    ['JWTV-05', 'a sub with a dot segment', { sub: 'spiffe://example.org/a/../web' }, 'subject'],
    ['JWTV-05', 'a sub without a path', { sub: 'spiffe://example.org' }, 'subject'],
    [
      'WLAPI-51',
      'a sub in a trust domain without a bundle',
      { sub: 'spiffe://nobody.example/web' },
      'no_bundle',
    ],
    [
      'JWTV-06, SVID-05',
      'a sub in another trust domain',
      { sub: 'spiffe://partner.example/web' },
      'signature',
    ],
    ['JWTV-10', 'an nbf more than a minute ahead', { nbf: NOW + 61 }, 'not_yet_valid'],
    ['JWTV-10', 'an nbf that is null', { nbf: null }, 'claims'],
    ['JWTV-10', 'an nbf in a string', { nbf: '0' }, 'claims'],
    ['JWTV-10', 'an unpaired surrogate', { team: 'a\ud800' }, 'claims'],
    ['JWTV-10', 'an unpaired surrogate deep in a member name', { team: [{ '\udc00': 1 }] }, 'claims'],
  ] as const) {
    it(`${clause}: refuses ${what}`, () => refused(own.signer.sign({ ...own.claims, ...change }), reason))
  }

  for (const [what, change] of [
    ['an exp of now, within the leeway of one minute', { exp: NOW }],
    ['an exp 59 s ago', { exp: NOW - 59 }],
    ['an nbf 60 s ahead', { nbf: NOW + 60 }],
    ['an iat in the future, which decides nothing', { iat: NOW + 3600 }],
    ['an iat that is not a number', { iat: null }],
    ['no iat', { iat: undefined }],
  ] as const) {
    it(`JWTV-10: accepts ${what}`, () => {
      validate(own.signer.sign({ ...own.claims, ...change }))
    })
  }

  it('JWTV-10: refuses a number that protobuf cannot represent', () => {
    const [, , signature] = own.signer.sign(own.claims).split('.')
    const claims = Buffer.from(JSON.stringify({ ...own.claims, n: 1 }).replace('"n":1', '"n":1e400'))
    const header = { alg: 'ES256', kid: 'k1' }
    refused(`${part(header)}.${claims.toString('base64url')}.${signature}`, 'claims')
  })

  for (const [clause, what, header, reason] of [
    ['JWTV-02', 'alg none', { alg: 'none', kid: 'k1' }, 'algorithm'],
    ['JWTV-02', 'alg ES256K', { alg: 'ES256K', kid: 'k1' }, 'algorithm'],
    ['JWTV-02', 'alg es256', { alg: 'es256', kid: 'k1' }, 'algorithm'],
    ['JWTV-02', 'no alg', { kid: 'k1' }, 'algorithm'],
    ['JWTV-02', 'an alg that is a list', { alg: ['ES256'], kid: 'k1' }, 'algorithm'],
    [
      'JWTV-02',
      'alg none and a wrong typ, checking the algorithm first',
      { alg: 'none', typ: 'x' },
      'algorithm',
    ],
    ['JWTV-07', 'typ at+jwt', { alg: 'ES256', kid: 'k1', typ: 'at+jwt' }, 'type'],
    ['JWTV-07, T-60', 'typ wit+jwt', { alg: 'ES256', kid: 'k1', typ: 'wit+jwt' }, 'type'],
    ['JWTV-08', 'no kid', { alg: 'ES256' }, 'key_id'],
    ['JWTV-08', 'an empty kid', { alg: 'ES256', kid: '' }, 'key_id'],
    ['JWTV-06', 'an unknown kid', { alg: 'ES256', kid: 'k2' }, 'unknown_key'],
    ['JWTV-09', 'a jwk', { alg: 'ES256', kid: 'k1', jwk: {} }, 'header'],
    ['JWTV-09', 'a jku', { alg: 'ES256', kid: 'k1', jku: 'https://example.org' }, 'header'],
    ['JWTV-09', 'an x5c', { alg: 'ES256', kid: 'k1', x5c: [] }, 'header'],
    ['JWTV-09', 'an x5u', { alg: 'ES256', kid: 'k1', x5u: 'https://example.org' }, 'header'],
    ['JWTV-09', 'crit', { alg: 'ES256', kid: 'k1', crit: ['x'] }, 'malformed'],
    ['JWTV-09', 'b64', { alg: 'ES256', kid: 'k1', b64: false }, 'header'],
  ] as const) {
    it(`${clause}: refuses a header with ${what}`, () => {
      const [, claims, signature] = own.signer.sign(own.claims).split('.')
      refused(`${part(header)}.${claims}.${signature}`, reason)
    })
  }

  it('JWTV-07: accepts typ JWT, typ JOSE and no typ', () => {
    const { privateKey } = own.jwtKey
    for (const typ of [{ typ: 'JWT' }, { typ: 'JOSE' }, {}]) {
      validate(new JwsSigner({ alg: 'ES256', kid: 'k1', privateKey, ...typ }).sign(own.claims))
    }
  })

  it('JWTV-01: refuses JSON serialization, two parts and four parts', () => {
    const token = own.signer.sign(own.claims)
    const [header, payload, signature] = token.split('.')
    refused(JSON.stringify({ protected: header, payload, signature }), 'malformed')
    refused(JSON.stringify({ payload, signatures: [{ protected: header, signature }] }), 'malformed')
    for (const other of [`${header}.${payload}`, `${token}.AAAA`, `${token}.`]) refused(other, 'malformed')
  })

  it('JWTV-02: refuses a token whose HMAC secret is our public key', () => {
    const input = `${part({ alg: 'HS256', kid: 'k1' })}.${part(own.claims)}`
    const pem = own.jwtKey.publicKey.export({ format: 'pem', type: 'spki' })
    refused(`${input}.${createHmac('sha256', pem).update(input).digest('base64url')}`, 'algorithm')
  })

  it('JWTV-06, BNC-06, SVID-04: refuses a token signed by another key, by an X.509 authority or by another trust domain', async () => {
    for (const { privateKey } of [await generateKeyPair(), own.ca.key, foreign.jwtKey]) {
      refused(new JwsSigner({ alg: 'ES256', kid: 'k1', privateKey }).sign(own.claims), 'signature')
    }
  })

  it('JWTV-06, BNC-06, BNC-02: uses only keys whose use is jwt-svid', async () => {
    const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const token = await signed('ES256', pair.privateKey)
    validate(token, published(pair.publicKey))
    for (const use of ['wit-svid', 'sig', 'JWT-SVID', undefined]) {
      refused(token, 'unknown_key', published(pair.publicKey, { use }))
    }
  })

  it('SVID-03: refuses a token with a changed claim, and with a changed signature', () => {
    const [header, , signature = ''] = own.signer.sign(own.claims).split('.')
    refused(
      `${header}.${part({ ...own.claims, sub: 'spiffe://example.org/root' })}.${signature}`,
      'signature',
    )
    refused(`${header}.${part(own.claims)}.${'A'.repeat(signature.length)}`, 'signature')
  })

  it('JWTV-11: accepts the same token twice', () => {
    const token = own.signer.sign(own.claims)
    const validator = new JwtSvidValidator()
    const input = { audience: 'db', nowSeconds: NOW, bundleFor: () => own.bundle }
    assert.deepEqual(validator.validate(token, input), validator.validate(token, input))
  })

  it('BNC-08: refuses every token of a trust domain whose bundle has no keys', () => {
    refused(own.signer.sign(own.claims), 'unknown_key', Bundle.parse('example.org', '{"keys":[]}'))
  })
})
