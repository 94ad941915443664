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
  it('survives a round trip, with every bit of its sequence number', () => {
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

  it('cannot be made from a certificate that is not a CA', () => {
    const leaf = signTestLeaf(own.ca, own.jwtKey.publicKeyDer)
    assert.throws(() => Bundle.of({ trustDomain: 'a', x509Authorities: [leaf], jwtAuthorities: [] }), {
      code: 'ERR_SPIFFE_BUNDLE_INVALID',
    })
  })

  it('cannot be made from different JWT authorities with the same kid; one key may occur twice', async () => {
    const [first, second] = [own.jwtKey.publicKeyDer, (await createTestTrustDomain()).jwtKey.publicKeyDer]
    const of = (...jwtAuthorities: { kid: string; publicKeyDer: Buffer }[]) =>
      Bundle.of({ trustDomain: 'a', x509Authorities: [], jwtAuthorities })
    assert.equal(
      of({ kid: 'a', publicKeyDer: first }, { kid: 'a', publicKeyDer: first }).jwtAuthorities.size,
      1,
    )
    const refused = { code: 'ERR_SPIFFE_BUNDLE_INVALID' }
    assert.throws(() => of({ kid: '', publicKeyDer: first }), refused)
    assert.throws(() => of({ kid: 'a', publicKeyDer: first }, { kid: 'a', publicKeyDer: second }), refused)
  })

  it('keeps a repeated X.509 authority once', () => {
    const document = JSON.stringify({ keys: [x509Jwk, x509Jwk] })
    assert.equal(Bundle.parse('example.org', document).x509Authorities.length, 1)
  })

  it('is refused without parsing when it is longer than 4 MiB', () => {
    const document = `{"keys":[]}${' '.repeat(4 * 1024 * 1024)}`
    assert.throws(() => Bundle.parse('example.org', document), { code: 'ERR_SPIFFE_BUNDLE_INVALID' })
  })

  const rsaJwk = (modulusLength: number) =>
    generateKeyPairSync('rsa', { modulusLength }).publicKey.export({ format: 'jwk' })
  const other = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const text = (make: () => object | string) => (): string => {
    const made = make()
    return typeof made === 'string' ? made : JSON.stringify(made)
  }
  for (const [what, make] of Object.entries<() => object | string>({
    'no JSON': () => '{',
    'a list': () => [],
    'duplicate keys': () => '{"keys":[],"keys":[]}',
    'another duplicate member': () => '{"keys":[],"a":1,"a":2}',
    'no list of keys': () => '{"keys":{}}',
    'endless nesting': () => `{"keys":[],"a":${'['.repeat(40)}${']'.repeat(40)}}`,
  })) {
    it(`refuses ${what}`, () => {
      assert.throws(() => Bundle.parse('example.org', text(make)()), { code: 'ERR_SPIFFE_BUNDLE_INVALID' })
    })
  }

  const lines = (base64: string): string => base64.replace(/(.{64})/g, '$1\n')
  for (const [what, make] of Object.entries<() => unknown>({
    'a key that is not an object': () => 1,
    'a key that is null': () => null,
    'a JWT key without kid': () => ({ ...jwtJwk, kid: undefined }),
    'a JWT key with an empty kid': () => ({ ...jwtJwk, kid: '' }),
    'a JWT key whose kid is a lone surrogate': () => ({ ...jwtJwk, kid: '\ud800' }),
    'a JWT key with the kid of an earlier one': () => ({
      ...jwtJwk,
      ...other.publicKey.export({ format: 'jwk' }),
    }),
    'a private key': () => ({ ...jwtJwk, kid: 'k2', ...other.privateKey.export({ format: 'jwk' }) }),
    'a point that is not on its curve': () => ({ ...jwtJwk, kid: 'k2', x: jwtJwk['y'] }),
    'a short coordinate': () => ({ ...jwtJwk, kid: 'k2', x: 'AAAA' }),
    'RSA of 1024 bits': () => ({ ...rsaJwk(1024), use: 'jwt-svid', kid: 'k2' }),
    'RSA with the exponent 1': () => ({ ...rsaJwk(2048), use: 'jwt-svid', kid: 'k2', e: 'AQ' }),
    'a certificate of another key': () => ({ ...x509Jwk, ...exportJwk(own.jwtKey.publicKeyDer) }),
    'a certificate in base64url': () => ({ ...x509Jwk, x5c: [own.ca.der.toString('base64url')] }),
    'a certificate with line ends': () => ({ ...x509Jwk, x5c: [lines(own.ca.der.toString('base64'))] }),
    'a broken certificate': () => ({ ...x509Jwk, x5c: ['MAA='] }),
    'a certificate that is null': () => ({ ...x509Jwk, x5c: null }),
    'a key with a duplicate member': () => `{"kid":"k2",${JSON.stringify({ ...jwtJwk, kid: 'k3' }).slice(1)}`,
    'a key with endless nesting': () => `{"a":${'['.repeat(40)}${']'.repeat(40)}}`,
  })) {
    it(`skips ${what}, says so, and uses the rest`, () => {
      const made = make()
      const element = typeof made === 'string' ? made : JSON.stringify(made)
      const document = `{"keys":[${JSON.stringify(x509Jwk)},${JSON.stringify(jwtJwk)},${element}],"spiffe_sequence":2}`
      const bundle = Bundle.parse('example.org', document)
      assert.deepEqual([bundle.x509Authorities.length, [...bundle.jwtAuthorities.keys()]], [1, ['k1']])
      assert.ok(bundle.jwtAuthorities.get('k1')?.equals(own.jwtKey.publicKey))
      assert.equal(bundle.sequence, 2n)
      assert.deepEqual(
        bundle.skippedParts.map(({ where, isUnknown }) => [where, isUnknown]),
        [['key 2', false]],
      )
    })
  }

  it('skips a certificate in DER that is not the certificate of a CA', () => {
    const leaf = signTestLeaf(own.ca, own.jwtKey.publicKeyDer)
    const bundle = Bundle.fromX509Der('example.org', Buffer.concat([leaf, own.ca.der]))
    assert.deepEqual(bundle.x509Authorities, [own.ca.der])
    const skipped = { where: 'certificate 0', reason: 'not the certificate of a CA', isUnknown: false }
    assert.deepEqual(bundle.skippedParts, [skipped])
  })

  it('notes only a few of very many skipped keys', () => {
    const bundle = Bundle.parse('example.org', `{"keys":[${'1,'.repeat(50_000)}${JSON.stringify(jwtJwk)}]}`)
    assert.equal(bundle.jwtAuthorities.size, 1)
    assert.equal(bundle.skippedParts.length, 64)
  })

  for (const [member, value] of [
    ['spiffe_sequence', '-1'],
    ['spiffe_sequence', '1.5'],
    ['spiffe_sequence', `${2n ** 64n}`],
    ['spiffe_sequence', '"1"'],
    ['spiffe_refresh_hint', '"5m"'],
    ['spiffe_refresh_hint', '-5'],
    ['spiffe_refresh_hint', '1e400'],
  ] as const) {
    it(`ignores the ${member} ${value}`, () => {
      const bundle = Bundle.parse('example.org', `{"keys":[${JSON.stringify(jwtJwk)}],"${member}":${value}}`)
      assert.deepEqual([bundle.sequence, bundle.refreshHintSeconds], [undefined, undefined])
      assert.equal(bundle.jwtAuthorities.size, 1)
      assert.deepEqual(bundle.skippedParts, [
        { where: member, reason: 'it is not a whole number in range', isUnknown: false },
      ])
    })
  }

  it('fails with no other error on any bytes', () => {
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
