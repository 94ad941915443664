import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { before, describe, it } from 'node:test'
import fc from 'fast-check'
import { exportJwk } from '../../../src/crypto/jwk.ts'
import { Bundle } from '../../../src/spiffe/bundle.ts'
import { signTestLeaf } from '../../support/crypto-fixtures.ts'
import { createTestTrustDomain } from '../../support/svid-fixtures.ts'

let own: Awaited<ReturnType<typeof createTestTrustDomain>>
let x509Jwk: Record<string, unknown>
let jwtJwk: Record<string, unknown>

before(async () => {
  own = await createTestTrustDomain()
  const keys = JSON.parse(own.bundle.format().toString()).keys
  x509Jwk = keys[0]
  jwtJwk = keys[1]
})

describe('a bundle document', () => {
  it('goes there and back, its sequence number to the last bit', () => {
    const text = own.bundle.format().toString()
    const again = Bundle.parse('example.org', text)
    assert.equal(again.sequence, 9_007_199_254_740_993n)
    assert.ok(text.includes('"spiffe_sequence":9007199254740993,"spiffe_refresh_hint":60'))
    assert.deepEqual(again.x509Authorities, [own.ca.der])
    assert.equal(again.refreshHintSeconds, 60)
    assert.ok(again.jwtAuthorities.get('k1')?.equals(own.jwtKey.publicKey))
    assert.deepEqual(again.format(), own.bundle.format())
    assert.deepEqual(again.x509Der(), own.ca.der)
  })

  it('has the members that the standards name, and no others', () => {
    assert.deepEqual(Object.keys(x509Jwk), ['use', 'kty', 'crv', 'x', 'y', 'x5c'])
    assert.deepEqual(x509Jwk['x5c'], [own.ca.der.toString('base64')])
    assert.deepEqual(jwtJwk, { use: 'jwt-svid', kid: 'k1', ...exportJwk(own.jwtKey.publicKeyDer) })
    const { use: _use, ...standardJwk } = jwtJwk
    assert.deepEqual(JSON.parse(own.bundle.formatJwks().toString()), { keys: [standardJwk] })
  })

  it('cannot be made of a certificate that is no CA', () => {
    const leaf = signTestLeaf(own.ca, own.jwtKey.publicKeyDer)
    assert.throws(() => Bundle.of({ trustDomain: 'a', x509Authorities: [leaf], jwtAuthorities: [] }), {
      code: 'ERR_SPIFFE_BUNDLE_INVALID',
    })
  })

  const other = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const text = (make: () => object | string) => (): string => {
    const made = make()
    return typeof made === 'string' ? made : JSON.stringify(made)
  }
  for (const [what, make] of Object.entries<() => object | string>({
    'no JSON': () => '{',
    'a list': () => [],
    'keys twice': () => '{"keys":[],"keys":[]}',
    'a key that is no object': () => ({ keys: [1] }),
    'a JWT key without kid': () => ({ keys: [{ ...jwtJwk, kid: undefined }] }),
    'a JWT key with an empty kid': () => ({ keys: [{ ...jwtJwk, kid: '' }] }),
    'two JWT keys of one kid': () => ({
      keys: [jwtJwk, { ...jwtJwk, ...other.publicKey.export({ format: 'jwk' }) }],
    }),
    'a private key': () => ({ keys: [{ ...jwtJwk, ...other.privateKey.export({ format: 'jwk' }) }] }),
    'a point that is not on its curve': () => ({ keys: [{ ...jwtJwk, x: jwtJwk['y'] }] }),
    'a certificate of another key': () => ({ keys: [{ ...x509Jwk, ...exportJwk(own.jwtKey.publicKeyDer) }] }),
    'a certificate in base64url': () => ({ keys: [{ ...x509Jwk, x5c: [own.ca.der.toString('base64url')] }] }),
    'a broken certificate': () => ({ keys: [{ ...x509Jwk, x5c: ['MAA='] }] }),
    'a negative sequence number': () => '{"keys":[],"spiffe_sequence":-1}',
    'a sequence number with a fraction': () => '{"keys":[],"spiffe_sequence":1.5}',
    'a sequence number beyond 64 bits': () => `{"keys":[],"spiffe_sequence":${2n ** 64n}}`,
    'a sequence number in a string': () => '{"keys":[],"spiffe_sequence":"1"}',
    'a refresh hint in words': () => '{"keys":[],"spiffe_refresh_hint":"5m"}',
    'a negative refresh hint': () => '{"keys":[],"spiffe_refresh_hint":-5}',
  })) {
    it(`refuses ${what}`, () => {
      assert.throws(() => Bundle.parse('example.org', text(make)()), { code: 'ERR_SPIFFE_BUNDLE_INVALID' })
    })
  }

  it('fails in no other way on any bytes', () => {
    const sound = own.bundle.format()
    fc.assert(
      fc.property(fc.nat(sound.length - 1), fc.nat(255), (at, octet) => {
        const bytes = Buffer.from(sound)
        bytes[at] = octet
        try {
          Bundle.parse('example.org', bytes).format()
        } catch (error) {
          assert.equal((error as { code?: string }).code, 'ERR_SPIFFE_BUNDLE_INVALID')
        }
      }),
      { numRuns: 1500 },
    )
  })
})
