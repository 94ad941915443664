import assert from 'node:assert/strict'
import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { compactVerify, importJWK, type JWK, SignJWT } from 'jose'
import { exportJwk, importJwk } from '../../../src/crypto/jwk.ts'
import {
  type JwsAlgorithm,
  JwsSigner,
  parseJws,
  signDetached,
  verifyDetached,
  verifyJws,
} from '../../../src/crypto/jws.ts'
import { exportSpki } from '../../../src/crypto/keys.ts'

type Pair = { readonly publicKey: KeyObject; readonly privateKey: KeyObject }
const ec = (namedCurve: string): Pair => generateKeyPairSync('ec', { namedCurve })
const rsa: Pair = generateKeyPairSync('rsa', { modulusLength: 2048 })
const KEYS: Readonly<Record<JwsAlgorithm, Pair>> = {
  ES256: ec('P-256'),
  ES384: ec('P-384'),
  ES512: ec('P-521'),
  RS256: rsa,
  RS384: rsa,
  RS512: rsa,
  PS256: rsa,
  PS384: rsa,
  PS512: rsa,
}
const ALGORITHMS = Object.keys(KEYS) as readonly JwsAlgorithm[]

describe('a signed token', () => {
  for (const alg of ALGORITHMS) {
    it(`of ${alg} is verified by jose, with a key that went through our JWK, and the other way round`, async () => {
      const { privateKey, publicKey } = KEYS[alg]
      const jwk = exportJwk(exportSpki(publicKey))
      assert.deepEqual(importJwk(jwk), exportSpki(publicKey))
      const token = new JwsSigner({ alg, kid: 'k1', typ: 'JWT', privateKey }).sign({ sub: 'é', n: 1 })
      const verified = await compactVerify(token, await importJWK(jwk as JWK, alg), { algorithms: [alg] })
      assert.deepEqual(verified.protectedHeader, { alg, kid: 'k1', typ: 'JWT' })
      assert.deepEqual(JSON.parse(new TextDecoder().decode(verified.payload)), { sub: 'é', n: 1 })

      const theirs = parseJws(await new SignJWT({ a: [1] }).setProtectedHeader({ alg }).sign(privateKey))
      assert.deepEqual([theirs.header, theirs.claims], [{ alg }, { a: [1] }])
      assert.equal(verifyJws(theirs, alg, publicKey), true)
      for (const other of ALGORITHMS) {
        if (other !== alg) assert.equal(verifyJws(theirs, other, KEYS[other].publicKey), false, other)
        if (!alg.startsWith('RS') && !alg.startsWith('PS'))
          assert.equal(verifyJws(theirs, other, publicKey), other === alg)
      }
    })
  }

  it('does not survive any change of its bytes', () => {
    const { privateKey, publicKey } = KEYS.ES256
    const token = new JwsSigner({ alg: 'ES256', kid: 'k1', privateKey }).sign({ sub: 'a' })
    fc.assert(
      fc.property(
        fc.nat(token.length - 1),
        fc.constantFrom(...'ABCDabcd0189-_.=+/ \n\u00e9'),
        (at, character) => {
          fc.pre(token[at] !== character)
          const changed = token.slice(0, at) + character + token.slice(at + 1)
          try {
            assert.equal(verifyJws(parseJws(changed), 'ES256', publicKey), false)
          } catch (error) {
            assert.equal((error as { code?: string }).code, 'ERR_CRYPTO_JWS_INVALID')
          }
        },
      ),
      { numRuns: 2000 },
    )
  })

  it('needs a matching key', () => {
    assert.throws(
      () => new JwsSigner({ alg: 'ES256', kid: 'k', privateKey: KEYS.ES384.privateKey }),
      TypeError,
    )
    assert.throws(
      () => new JwsSigner({ alg: 'ES256', kid: 'k', privateKey: KEYS.ES256.publicKey }),
      TypeError,
    )
    const weak = generateKeyPairSync('rsa', { modulusLength: 1024 })
    assert.throws(() => new JwsSigner({ alg: 'RS256', kid: 'k', privateKey: weak.privateKey }), TypeError)
  })
})

describe('parseJws', () => {
  const part = (text: string): string => Buffer.from(text, 'latin1').toString('base64url')
  const token = (header: string, claims: string): string => `${part(header)}.${part(claims)}.AAAA`
  for (const [what, text] of Object.entries({
    nothing: '',
    'two parts': `${part('{}')}.${part('{}')}`,
    'four parts': `${token('{}', '{}')}.AAAA`,
    'an empty signature': `${part('{}')}.${part('{}')}.`,
    'the JSON serialisation': '{"payload":"e30","signatures":[]}',
    padding: `${part('{"a":1}')}=.${part('{}')}.AAAA`,
    'unused bits that are set': `${part('{}').slice(0, -1)}1.${part('{}')}.AAAA`,
    'the alphabet of plain base64': `${part('{}')}.${part('{}')}.+/+/`,
    'white space': ` ${token('{}', '{}')}`,
    'a header that is a list': token('[]', '{}'),
    'claims that are null': token('{}', 'null'),
    'claims that are not JSON': token('{}', '{'),
    'claims that are not UTF-8': token('{}', '{"a":"\xff"}'),
    'claims with a byte order mark': token('{}', '\xef\xbb\xbf{}'),
    'a repeated member of the header': token('{"alg":"ES256","alg":"none"}', '{}'),
    'a repeated claim': token('{}', '{"sub":"a","sub":"b"}'),
    'a repeated claim, spelled in another way': token('{}', '{"sub":"a","\\u0073ub":"b"}'),
    'a repeated member deep inside': token('{}', '{"a":[{"b":1,"b":1}]}'),
    'endless nesting': token('{}', `{"a":${'['.repeat(40)}${']'.repeat(40)}}`),
    'an extension that must be understood': token('{"crit":["b64"],"b64":false}', '{}'),
    'a header that is too long': token(`{"a":"${'x'.repeat(5000)}"}`, '{}'),
    'a token that is too long': token('{}', `{"a":"${'x'.repeat(70_000)}"}`),
  })) {
    it(`refuses ${what}`, () => {
      assert.throws(() => parseJws(text), {
        code: 'ERR_CRYPTO_JWS_INVALID',
        publicMessage: 'not a signed token',
      })
    })
  }

  it('does not mistake strings for members', () => {
    assert.deepEqual(
      parseJws(token('{}', '{"a":"a","b":["a","a"],"c":"{\\"a\\":1,\\"a\\":2}"}')).claims['a'],
      'a',
    )
  })
})

describe('importJwk', () => {
  const good = exportJwk(exportSpki(KEYS.ES256.publicKey)) as {
    kty: string
    crv: string
    x: string
    y: string
  }
  const rsaJwk = exportJwk(exportSpki(rsa.publicKey))
  const short = Buffer.from(good.x, 'base64url').subarray(1).toString('base64url')
  const weak = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey.export({ format: 'jwk' })
  for (const [what, jwk, isUnknown] of [
    ['without kty', { ...good, kty: undefined }, false],
    ['with an unknown kty', { kty: 'AKP', pub: 'AA' }, true],
    ['with kty __proto__', { kty: '__proto__' }, true],
    ['with a shared secret', { kty: 'oct', k: 'AAAA' }, true],
    ['with an unknown curve', { ...good, crv: 'secp256k1' }, true],
    ['with a private key', KEYS.ES256.privateKey.export({ format: 'jwk' }), false],
    ['with a coordinate that is too short', { ...good, x: short }, false],
    ['with padding', { ...good, x: `${good.x}=` }, false],
    ['with a point that is not on the curve', { ...good, x: good.y, y: good.x }, false],
    ['with a coordinate that is a number', { ...good, x: 1 }, false],
    ['with RSA of 1024 bits', weak, false],
    ['with RSA without an exponent', { ...rsaJwk, e: '' }, false],
    ['with RSA with the exponent 1', { ...rsaJwk, e: 'AQ' }, false],
    ['with RSA with the exponent 3', { ...rsaJwk, e: 'Aw' }, false],
    ['with RSA with an even exponent', { ...rsaJwk, e: 'AQAC' }, false],
    ['with RSA with an exponent that Go cannot read', { ...rsaJwk, e: 'gAAAAQ' }, false],
    ['with RSA with an even modulus', { ...rsaJwk, n: withLastOctet(rsaJwk['n'], 0xfe) }, false],
    ['with RSA with a small factor', { ...rsaJwk, n: timesSeven(rsaJwk['n']) }, false],
    ['on Edwards25519', generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' }), true],
    ['on Edwards448', generateKeyPairSync('ed448').publicKey.export({ format: 'jwk' }), true],
    ['for X25519', generateKeyPairSync('x25519').publicKey.export({ format: 'jwk' }), true],
  ] as const) {
    it(`refuses one ${what}`, () => {
      assert.throws(() => importJwk(jwk as Record<string, unknown>), {
        code: 'ERR_CRYPTO_JWK_INVALID',
        isUnknown,
      })
    })
  }
})

function withLastOctet(n = '', octet: number): string {
  const bytes = Buffer.from(n, 'base64url')
  bytes[bytes.length - 1] = octet
  return bytes.toString('base64url')
}

function timesSeven(n = ''): string {
  const product = (BigInt(`0x${Buffer.from(n, 'base64url').toString('hex')}`) / 8n) | 1n
  return Buffer.from((product * 7n).toString(16).padStart(512, '0'), 'hex').toString('base64url')
}

describe('a detached signature', () => {
  const { ES256, ES384, RS256 } = KEYS
  for (const [name, pair] of Object.entries({ ES256, ES384, RS256, EdDSA: generateKeyPairSync('ed25519') })) {
    it(`by a key for ${name} fits its data and nothing else`, () => {
      const { privateKey, publicKey } = pair
      const signature = signDetached(privateKey, Buffer.from('data'))
      assert.equal(verifyDetached(publicKey, Buffer.from('data'), signature), true)
      assert.equal(verifyDetached(publicKey, Buffer.from('Data'), signature), false)
      assert.equal(verifyDetached(publicKey, Buffer.from('data'), Buffer.alloc(0)), false)
      assert.equal(verifyDetached(publicKey, Buffer.from('data'), signature.subarray(1)), false)
    })
  }
})
