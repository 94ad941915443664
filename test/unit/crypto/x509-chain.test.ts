import assert from 'node:assert/strict'
import { constants, generateKeyPairSync, sign } from 'node:crypto'
import { describe, it } from 'node:test'
import { bitString, oid, sequence, time, tlv, unsigned } from '../../../src/crypto/der.ts'
import { encodeName } from '../../../src/crypto/distinguished-name.ts'
import { generateKeyPair, type KeyPair } from '../../../src/crypto/keys.ts'
import { ExtensionOid, SignatureOid } from '../../../src/crypto/oids.ts'
import { type Certificate, parseCertificate, verifyChain } from '../../../src/crypto/x509.ts'
import { DAY, NOW } from '../../support/crypto-fixtures.ts'
import { anyExtension, caExtension, keyUsageExtension } from '../../support/forged-certificate.ts'

const [k0, k1, k2, k3] = (await Promise.all(Array.from({ length: 4 }, () => generateKeyPair()))) as [
  KeyPair,
  KeyPair,
  KeyPair,
  KeyPair,
]

const NULL = Buffer.of(5, 0)
const ECDSA = sequence(oid(SignatureOid.ecdsaSha256))
/** RSASSA-PSS with SHA-256 for the message and MGF1, and a salt of 32 octets by default. */
function pss(salt = 32, mgfDigest = '2.16.840.1.101.3.4.2.1'): Buffer {
  const digest = (id: string): Buffer => sequence(oid(id), NULL)
  return sequence(
    oid(SignatureOid.rsaPss),
    sequence(
      tlv(0xa0, digest('2.16.840.1.101.3.4.2.1')),
      tlv(0xa1, sequence(oid('1.2.840.113549.1.1.8'), digest(mgfDigest))),
      tlv(0xa2, unsigned(Buffer.of(salt))),
    ),
  )
}

interface Made {
  readonly subject: string
  readonly issuer: string
  readonly key: KeyPair
  readonly signer: KeyPair
  readonly isCa?: boolean
  readonly pathLength?: number
  readonly notAfter?: number
  readonly keyId?: string
  readonly issuerKeyId?: string
  readonly algorithm?: Buffer
}

let serial = 1
function certificate(made: Made): Certificate {
  const { isCa = true, algorithm = ECDSA } = made
  serial += 1
  const id = (name: string): Buffer => Buffer.from(name)
  const tbs = sequence(
    tlv(0xa0, unsigned(Buffer.of(2))),
    unsigned(Buffer.of(serial >> 8, serial & 0xff)),
    algorithm,
    encodeName({ commonName: made.issuer }),
    sequence(time(NOW - DAY), time(made.notAfter ?? NOW + DAY)),
    encodeName({ commonName: made.subject }),
    made.key.publicKeyDer,
    tlv(
      0xa3,
      sequence(
        keyUsageExtension([isCa ? 5 : 0]),
        ...(isCa ? [caExtension(made.pathLength)] : []),
        ...(made.keyId
          ? [anyExtension(ExtensionOid.subjectKeyIdentifier, false, tlv(4, id(made.keyId)))]
          : []),
        ...(made.issuerKeyId
          ? [
              anyExtension(
                ExtensionOid.authorityKeyIdentifier,
                false,
                sequence(tlv(0x80, id(made.issuerKeyId))),
              ),
            ]
          : []),
      ),
    ),
  )
  const key = made.signer.privateKey
  const isPss = !algorithm.equals(ECDSA) && key.asymmetricKeyType === 'rsa'
  const padding = constants.RSA_PKCS1_PSS_PADDING
  const signature = sign('sha256', tbs, isPss ? { key, padding, saltLength: 32 } : key)
  return parseCertificate(sequence(tbs, algorithm, bitString(signature)))
}
const root = (subject: string, key: KeyPair, more: Partial<Made> = {}): Certificate =>
  certificate({ subject, issuer: subject, key, signer: key, ...more })
const leafOf = (issuer: string, signer: KeyPair, more: Partial<Made> = {}): Certificate =>
  certificate({ subject: 'leaf', issuer, key: k0, signer, isCa: false, ...more })

describe('the search for a path', () => {
  const leaf = leafOf('root', k1)
  const ways = (...list: readonly Certificate[]): readonly Certificate[][] =>
    [list, list.toReversed()] as never

  it('goes on after an expired root of the same name and key', () => {
    const old = root('root', k1, { notAfter: NOW - 1 })
    const renewed = root('root', k1)
    for (const roots of ways(old, renewed)) assert.equal(verifyChain([leaf], roots, NOW), renewed)
    assert.throws(() => verifyChain([leaf], [old, root('root', k2)], NOW), { reason: 'expired' })
  })

  it('goes on after a root whose path length is exceeded', () => {
    const ca = certificate({ subject: 'ca', issuer: 'root', key: k2, signer: k1 })
    const below = leafOf('ca', k2)
    const narrow = root('root', k1, { pathLength: 0 })
    const wide = root('root', k1, { pathLength: 1 })
    for (const roots of ways(narrow, wide)) assert.equal(verifyChain([below, ca], roots, NOW), wide)
    assert.throws(() => verifyChain([below, ca], [narrow], NOW), { reason: 'path_length' })
  })

  it('goes further up when the root that signed is of no use any more', () => {
    const old = root('root', k1, { notAfter: NOW - 1 })
    const crossSigned = certificate({ subject: 'root', issuer: 'new', key: k1, signer: k2 })
    const newer = root('new', k2)
    for (const roots of ways(old, newer)) {
      assert.equal(verifyChain([leaf, crossSigned], roots, NOW), newer)
    }
  })

  it('accepts intermediates in any order, and skips those that lead nowhere', () => {
    const a = certificate({ subject: 'a', issuer: 'root', key: k2, signer: k1 })
    const b = certificate({ subject: 'b', issuer: 'a', key: k3, signer: k2 })
    const stranger = certificate({ subject: 'b', issuer: 'nobody', key: k3, signer: k0 })
    const expired = certificate({ subject: 'b', issuer: 'a', key: k3, signer: k2, notAfter: NOW - 1 })
    const below = leafOf('b', k3)
    const trusted = root('root', k1)
    for (const order of [
      [a, b],
      [b, a],
      [stranger, b, a],
      [expired, stranger, a, b],
      [trusted, a, b],
    ])
      assert.equal(verifyChain([below, ...order], [trusted], NOW), trusted)
  })

  it('treats key identifiers as a hint: a CA may have changed its own', () => {
    const trusted = root('root', k1, { keyId: 'new way' })
    assert.equal(verifyChain([leafOf('root', k1, { issuerKeyId: 'old way' })], [trusted], NOW), trusted)
    const other = root('root', k2, { keyId: 'other' })
    assert.throws(() => verifyChain([leafOf('root', k1, { issuerKeyId: 'x' })], [other], NOW), {
      reason: 'issuer_unknown',
    })
  })

  it('refuses more than eight intermediates', () => {
    const chain = [leafOf('ca8', k1)]
    for (let n = 8; n > 0; n -= 1) {
      const issuer = n === 1 ? 'root' : `ca${n - 1}`
      chain.push(certificate({ subject: `ca${n}`, issuer, key: k1, signer: k1 }))
    }
    const trusted = root('root', k1)
    assert.throws(() => verifyChain(chain, [trusted], NOW), { reason: 'too_long', message: /too long/ })
    assert.equal(verifyChain([leafOf('ca7', k1), ...chain.slice(2), trusted], [trusted], NOW), trusted)
  })

  it('gives up soon when every certificate could have signed every other', () => {
    const crowd = Array.from({ length: 7 }, () => root('same', k1))
    const roots = Array.from({ length: 500 }, () => root('same', k2))
    const deep = Array.from({ length: 7 }, () =>
      certificate({ subject: 'same', issuer: 'same', key: k1, signer: k1 }),
    )
    assert.throws(() => verifyChain([leafOf('same', k1), ...crowd], roots, NOW), { reason: 'too_much' })
    assert.throws(() => verifyChain([leafOf('same', k1), ...deep], [], NOW), { reason: 'issuer_unknown' })
  })

  it('refuses unsupported keys, in a leaf, a CA and a root', () => {
    const pair = (type: 'ed25519' | 'rsa'): KeyPair => {
      const made =
        type === 'rsa'
          ? generateKeyPairSync('rsa', { modulusLength: 2048, publicExponent: 3 })
          : generateKeyPairSync('ed25519')
      return { ...made, publicKeyDer: made.publicKey.export({ format: 'der', type: 'spki' }) }
    }
    const trusted = root('root', k1)
    const cubes = pair('rsa')
    const rs256 = sequence(oid(SignatureOid.rsaSha256), NULL)
    for (const key of [cubes, pair('ed25519')]) {
      assert.throws(() => verifyChain([leafOf('root', k1, { key })], [trusted], NOW), { reason: 'key' })
    }
    const weakRoot = certificate({ subject: 'weak', issuer: 'weak', key: cubes, signer: k1 })
    assert.throws(() => verifyChain([leafOf('weak', cubes, { algorithm: rs256 })], [weakRoot], NOW), {
      reason: 'key',
    })
  })

  it('reads RSA-PSS signatures with the same digest for all their parts', async () => {
    const rsa = await generateKeyPair('rsa-2048')
    const trusted = root('root', rsa, { algorithm: pss() })
    assert.equal(verifyChain([leafOf('root', rsa, { algorithm: pss() })], [trusted], NOW), trusted)
    for (const algorithm of [
      pss(20),
      pss(32, '2.16.840.1.101.3.4.2.2'),
      sequence(oid(SignatureOid.rsaPss)),
    ]) {
      assert.throws(() => verifyChain([leafOf('root', rsa, { algorithm })], [trusted], NOW), {
        reason: 'signature',
      })
    }
  })
})
