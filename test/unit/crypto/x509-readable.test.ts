import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { octetString, oid, sequence, tlv } from '../../../src/crypto/der.ts'
import { generateKeyPair } from '../../../src/crypto/keys.ts'
import { parseCertificate } from '../../../src/crypto/x509.ts'
import { readingProblem } from '../../../src/crypto/x509-readable.ts'
import { certificatesByHand, changedCertificates } from '../../interop/readers/odd-certificates.ts'
import { build, type Parts, plainParts, RICH } from '../../interop/readers/rich-certificate.ts'
import { createTestCa } from '../../support/crypto-fixtures.ts'
import { anyExtension } from '../../support/forged-certificate.ts'

// test/interop/certificates.test.ts shows that real readers do read what passes here.

const key = await generateKeyPair()
const plain = plainParts(key)
const problemOf = (change: Partial<Parts>): string | undefined =>
  readingProblem(parseCertificate(build({ ...plain, ...change }, key)))
const beside = (...extensions: readonly Buffer[]): Partial<Parts> => ({
  extensions: [...plain.extensions, ...extensions],
})
const san = (tag: number, value: string | Buffer): Buffer =>
  anyExtension('2.5.29.17', false, sequence(tlv(tag, Buffer.from(value))))
const named = (tag: number, value: string): Partial<Parts> => {
  const name = sequence(tlv(0x31, sequence(oid('2.5.4.3'), tlv(tag, Buffer.from(value, 'latin1')))))
  return { subject: name, issuer: name }
}

describe('a certificate that every client can read', () => {
  it('is one that Signet makes, and one with everything that RFC 5280 defines', async () => {
    for (const algorithm of ['ec-p256', 'ec-p384', 'rsa-2048'] as const) {
      const { der } = await createTestCa({ algorithm, uriSan: 'spiffe://example.org', pathLength: 0 })
      assert.equal(readingProblem(parseCertificate(der)), undefined)
    }
    assert.equal(problemOf({ extensions: RICH }), undefined)
    assert.equal(problemOf(beside(anyExtension('1.3.6.1.4.1.99999.1', false, Buffer.from('own')))), undefined)
  })

  for (const [what, change, problem] of [
    ['a URI that does not parse', beside(san(0x86, 'https://example.org/%zz')), /2\.5\.29\.17: a URI/],
    ['a URI with a space', beside(san(0x86, 'https://exa mple.org')), /a URI/],
    ['a URI whose host has an empty label', beside(san(0x86, 'spiffe://a..b/c')), /a URI/],
    ['a URI whose host ends with a dot', beside(san(0x86, 'spiffe://example.org./c')), /a URI/],
    ['a URI whose host has a long label', beside(san(0x86, `spiffe://${'a'.repeat(64)}/c`)), /a URI/],
    ['an IP address of five octets', beside(san(0x87, Buffer.alloc(5, 1))), /an IP address/],
    ['a name type that Python does not know', beside(san(0xa5, Buffer.from('a1030c0161', 'hex'))), /a name/],
    ['garbage in policies', beside(anyExtension('2.5.29.32', false, Buffer.from('!'))), /2\.5\.29\.32/],
    [
      'garbage in CRL distribution points',
      beside(anyExtension('2.5.29.31', false, Buffer.from('!'))),
      /2\.5\.29\.31/,
    ],
    ['garbage in AIA', beside(anyExtension('1.3.6.1.5.5.7.1.1', false, Buffer.from('!'))), /5\.5\.7\.1\.1/],
    [
      'a critical key identifier',
      beside(anyExtension('2.5.29.14', true, octetString(Buffer.of(1)))),
      /as critical/,
    ],
    [
      'a common extension that is unknown here',
      beside(anyExtension('2.5.29.9', false, sequence())),
      /not known here/,
    ],
    ['an unknown critical extension', beside(anyExtension('1.2.3', true, sequence())), /critical extension/],
    ['@ in a PrintableString', named(0x13, 'a@b'), /a PrintableString/],
    ['an empty name', { subject: sequence(), issuer: sequence() }, /ends too early/],
    ['a UniversalString', named(0x1c, '\u0000\u0000\u0000a'), /name of the type|a text of a kind/],
    ['version 2', { version: tlv(0xa0, tlv(2, Buffer.of(1))), extensions: [] }, /version/],
    ['a serial number of zero', { serial: tlv(2, Buffer.of(0)) }, /serial number/],
    ['unique identifiers', { uniqueIds: tlv(0x81, Buffer.of(0, 1)) }, /unique identifiers/],
    [
      'parameters that ECDSA does not have',
      { algorithm: sequence(oid('1.2.840.10045.4.3.2'), Buffer.of(5, 0)) },
      /algorithm/,
    ],
  ] as const) {
    it(`may not have ${what}`, () => {
      try {
        assert.match(problemOf(change) ?? 'nothing', problem)
      } catch (error) {
        // What the certificate parser refuses does not get this far.
        if ((error as { code?: string }).code !== 'ERR_CRYPTO_CERTIFICATE_INVALID') throw error
      }
    })
  }

  it('may not have a path length of 2^31', () => {
    const basic = (octets: string): Buffer =>
      anyExtension('2.5.29.19', true, sequence(tlv(1, Buffer.of(255)), tlv(2, Buffer.from(octets, 'hex'))))
    const [, usage] = plain.extensions as [Buffer, Buffer]
    assert.equal(problemOf({ extensions: [basic('05'), usage] }), undefined)
    assert.match(problemOf({ extensions: [basic('0080000000'), usage] }) ?? '', /number out of range/)
  })

  it('is told from others without failing in another way', () => {
    for (const der of changedCertificates(certificatesByHand([key]), 7, 3_000)) {
      let certificate: ReturnType<typeof parseCertificate>
      try {
        certificate = parseCertificate(der)
      } catch (error) {
        assert.equal((error as { code?: string }).code, 'ERR_CRYPTO_CERTIFICATE_INVALID')
        continue
      }
      const problem = readingProblem(certificate)
      assert.ok(problem === undefined || problem.length < 200)
    }
  })
})
