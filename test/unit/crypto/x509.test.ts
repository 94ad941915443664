import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import fc from 'fast-check'
import { sequence, tlv } from '../../../src/crypto/der.ts'
import { encodeName } from '../../../src/crypto/distinguished-name.ts'
import { generateKeyPair, type KeyPair } from '../../../src/crypto/keys.ts'
import { ExtensionOid } from '../../../src/crypto/oids.ts'
import { describeCertificate, parseCertificate, splitDer, verifyChain } from '../../../src/crypto/x509.ts'
import { createTestCa, DAY, NOW, signTestLeaf, type TestCa } from '../../support/crypto-fixtures.ts'
import {
  anyExtension,
  caExtension,
  forgeCertificate,
  keyUsageExtension,
  uriExtension,
} from '../../support/forged-certificate.ts'

let root: TestCa
let issuing: TestCa
let key: KeyPair
let leaf: Buffer

before(async () => {
  root = await createTestCa({ name: 'root', pathLength: 1, uriSan: 'spiffe://example.org' })
  issuing = await createTestCa({ name: 'issuing', parent: root, pathLength: 0 })
  key = await generateKeyPair()
  leaf = signTestLeaf(issuing, key.publicKeyDer, { subject: { commonName: 'x' }, dnsSans: ['a.example'] })
})

const INVALID = { code: 'ERR_CRYPTO_CERTIFICATE_INVALID', kind: 'invalid_argument' }

describe('parseCertificate', () => {
  it('refuses every truncated certificate, and any trailing bytes', () => {
    for (let end = 0; end < leaf.length; end++)
      assert.throws(() => parseCertificate(leaf.subarray(0, end)), INVALID)
    assert.throws(() => parseCertificate(Buffer.concat([leaf, Buffer.of(0)])), INVALID)
    assert.throws(() => parseCertificate(Buffer.alloc(100_000, 0x30)), INVALID)
  })

  it('never fails with another error, and never reads two certificates from the same bytes', () => {
    const mutation = fc.array(fc.tuple(fc.nat(leaf.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 })
    fc.assert(
      fc.property(mutation, (changes) => {
        const bytes = Buffer.from(leaf)
        for (const [at, octet] of changes) bytes[at] = octet
        readsOrRefuses(bytes)
      }),
      { numRuns: 20_000 },
    )
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => readsOrRefuses(Buffer.from(bytes))),
      { numRuns: 3000 },
    )
  })

  it('refuses each change of one octet, or the signature does not verify any more', () => {
    const issuer = parseCertificate(issuing.der)
    for (let at = 0; at < leaf.length; at++) {
      const bytes = Buffer.from(leaf)
      bytes[at] = (bytes[at] ?? 0) ^ 0x01
      assert.throws(
        () => verifyChain([parseCertificate(bytes)], [issuer], NOW),
        /not a certificate|chain/,
        `octet ${at}`,
      )
    }
  })

  const twice = (): Buffer[] => [keyUsageExtension([0]), keyUsageExtension([0])]
  for (const [what, make] of Object.entries<() => Parameters<typeof forgeCertificate>[0]>({
    'a duplicate extension': () => ({ signer: key, extensions: twice() }),
    'a broken key usage': () => ({
      signer: key,
      extensions: [anyExtension('2.5.29.15', true, tlv(3, Buffer.of(0, 0x80)))],
    }),
    'an empty key usage': () => ({
      signer: key,
      extensions: [anyExtension('2.5.29.15', true, tlv(3, Buffer.of(0)))],
    }),
    'an explicit cA FALSE': () => ({
      signer: key,
      extensions: [anyExtension('2.5.29.19', true, sequence(tlv(1, Buffer.of(0))))],
    }),
    'a path length without cA': () => ({
      signer: key,
      extensions: [anyExtension('2.5.29.19', true, sequence(tlv(2, Buffer.of(0))))],
    }),
    'an empty alternative name': () => ({
      signer: key,
      extensions: [anyExtension('2.5.29.17', true, sequence())],
    }),
    'a serial number of 21 octets': () => ({ signer: key, serial: Buffer.alloc(21, 0x7f) }),
    'a negative serial number': () => ({
      signer: key,
      change: (fields) => fields.with(1, tlv(2, Buffer.of(0x80))),
    }),
    'version 4': () => ({ signer: key, change: (fields) => fields.with(0, tlv(0xa0, tlv(2, Buffer.of(3)))) }),
    'extensions in version 1': () => ({
      signer: key,
      extensions: [keyUsageExtension([0])],
      change: (fields) => fields.slice(1),
    }),
    'another inner signature algorithm': () => ({
      signer: key,
      change: (fields) => fields.with(2, sequence(tlv(6, Buffer.from('2a8648ce3d040303', 'hex')))),
    }),
    'a day that does not exist': () => ({
      signer: key,
      change: (fields) =>
        fields.with(
          4,
          sequence(tlv(0x17, Buffer.from('260230000000Z')), tlv(0x17, Buffer.from('270101000000Z'))),
        ),
    }),
  })) {
    it(`refuses ${what}`, () => {
      assert.throws(() => parseCertificate(forgeCertificate(make())), INVALID)
    })
  }
})

describe('splitDer', () => {
  it('splits a concatenation and refuses trailing bytes', () => {
    const parts = [leaf, issuing.der, root.der]
    assert.deepEqual(splitDer(Buffer.concat(parts)), parts)
    assert.deepEqual(splitDer(Buffer.alloc(0)), [])
    assert.throws(() => splitDer(Buffer.concat([leaf, Buffer.of(0x30)])), INVALID)
  })
})

describe('verifyChain', () => {
  const verify = (chain: readonly Buffer[], roots: readonly Buffer[] = [root.der], now = NOW) =>
    verifyChain(
      chain.map((der) => parseCertificate(der)),
      roots.map((der) => parseCertificate(der)),
      now,
    )

  it('finds the root, also when the root is sent along', () => {
    assert.deepEqual(verify([leaf, issuing.der]).der, root.der)
    assert.deepEqual(verify([leaf, issuing.der, root.der]).der, root.der)
    assert.deepEqual(verify([leaf], [root.der, issuing.der]).der, issuing.der)
  })

  it('is valid from the first second to the last', () => {
    const short = signTestLeaf(issuing, key.publicKeyDer, { notBefore: NOW, notAfter: NOW + 10 })
    for (const at of [NOW, NOW + 10, NOW + 10.9]) verify([short, issuing.der], [root.der], at)
    for (const [at, reason] of [
      [NOW - 0.1, 'not_yet_valid'],
      [NOW + 11, 'expired'],
      [Number.NaN, 'not_yet_valid'],
    ] as const) {
      assert.throws(() => verify([short, issuing.der], [root.der], at), {
        code: 'ERR_CRYPTO_CHAIN_INVALID',
        reason,
      })
    }
  })

  it('refuses what no root issued', async () => {
    const stranger = await createTestCa({ name: 'root' })
    assert.throws(() => verify([]), { reason: 'empty' })
    assert.throws(() => verify([leaf]), { reason: 'issuer_unknown' })
    assert.throws(() => verify([leaf, issuing.der], []), { reason: 'issuer_unknown' })
    assert.throws(() => verify([leaf, issuing.der], [stranger.der]), { reason: 'issuer_unknown' })
    assert.throws(() => verify(Array(17).fill(leaf)), { reason: 'too_long' })
  })

  it('refuses an expired root and an expired intermediate', async () => {
    const old = await createTestCa({ name: 'old', notAfter: NOW + DAY })
    const late = forgeCertificate({
      signer: old.key,
      key,
      issuerDer: parseCertificate(old.der).subjectDer,
      notAfter: NOW + 9 * DAY,
    })
    assert.throws(() => verify([late], [old.der], NOW + 2 * DAY), { reason: 'expired' })
    const between = await createTestCa({ name: 'between', parent: root, notAfter: NOW + DAY })
    const below = forgeCertificate({
      signer: between.key,
      key,
      issuerDer: parseCertificate(between.der).subjectDer,
      notAfter: NOW + 9 * DAY,
    })
    assert.throws(() => verify([below, between.der], [root.der], NOW + 2 * DAY), { reason: 'expired' })
  })

  it('refuses a leaf used as a CA, a CA that may not sign, and a path that is too long', async () => {
    const issuerDer = parseCertificate(issuing.der).subjectDer
    const leafAsCa = forgeCertificate({ signer: issuing.key, issuerDer, key })
    const child = forgeCertificate({ signer: key, issuerDer: encodeName({ commonName: 'Forged' }) })
    assert.throws(() => verify([child, leafAsCa, issuing.der]), { reason: 'not_a_ca' })
    const noSigning = forgeCertificate({
      signer: issuing.key,
      issuerDer,
      key,
      extensions: [caExtension(), keyUsageExtension([0])],
    })
    assert.throws(() => verify([child, noSigning, issuing.der]), { reason: 'not_a_ca' })
    const tooDeep = forgeCertificate({
      signer: issuing.key,
      issuerDer,
      key,
      extensions: [caExtension(), keyUsageExtension([5])],
    })
    assert.throws(() => verify([child, tooDeep, issuing.der]), { reason: 'path_length' })
  })

  it('refuses what it does not understand: critical extensions, and name constraints in any case', () => {
    const issuerDer = parseCertificate(issuing.der).subjectDer
    for (const extension of [
      anyExtension('1.2.3.4', true, sequence()),
      anyExtension(ExtensionOid.nameConstraints, false, sequence()),
    ]) {
      const odd = forgeCertificate({ signer: issuing.key, issuerDer, key, extensions: [extension] })
      assert.throws(() => verify([odd, issuing.der]), { reason: 'critical_extension' })
    }
    const harmless = forgeCertificate({
      signer: issuing.key,
      issuerDer,
      key,
      extensions: [anyExtension('1.2.3.4', false, sequence())],
    })
    verify([harmless, issuing.der])
  })

  it('picks, among roots of one name, the one with the right key', async () => {
    const [one, two] = await Promise.all([createTestCa({ name: 'same' }), createTestCa({ name: 'same' })])
    const issuerDer = parseCertificate(one.der).subjectDer
    const bare = forgeCertificate({ signer: two.key, issuerDer, key }) // without an authority key identifier
    assert.deepEqual(verify([bare], [one.der, two.der]).der, two.der)
    assert.throws(() => verify([bare], [one.der]), { reason: 'signature' })
  })
})

describe('describeCertificate', () => {
  it('shows every field, with control characters escaped', () => {
    const odd = forgeCertificate({ signer: key, extensions: [uriExtension('spiffe://example.org/a')] })
    assert.match(describeCertificate(parseCertificate(odd)), /URI: +spiffe:\/\/example\.org\/a/)
    const named = signTestLeaf(issuing, key.publicKeyDer, { subject: { commonName: 'a\u001b[2Jb' } })
    const text = describeCertificate(parseCertificate(named))
    assert.ok(!text.includes('\u001b') && text.includes('\\u001b[2Jb'))
    assert.match(text, /CA: +no/)
    assert.match(text, /extended key usage: serverAuth, clientAuth/)
  })
})

function readsOrRefuses(bytes: Buffer): void {
  try {
    const read = parseCertificate(bytes)
    assert.deepEqual(read.der, bytes)
    describeCertificate(read)
  } catch (error) {
    assert.equal((error as { code?: string }).code, 'ERR_CRYPTO_CERTIFICATE_INVALID')
  }
}
