import 'reflect-metadata'
import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { describe, it } from 'node:test'
import * as peculiar from '@peculiar/x509'
import fc from 'fast-check'
import { exportPkcs8, generateKeyPair, keyIdentifier, loadKeyPair } from '../../../src/crypto/keys.ts'
import { type LeafInput, randomSerial, SigningCa } from '../../../src/crypto/signing-ca.ts'
import { parseCertificate, verifyChain } from '../../../src/crypto/x509.ts'
import { FakeRandom } from '../../fakes/fake-random.ts'
import { createTestCa, NOW, signTestLeaf } from '../../support/crypto-fixtures.ts'

const FAR = Date.UTC(2080, 0) / 1000
const cas = await Promise.all(
  (['ec-p256', 'ec-p384', 'rsa-2048'] as const).map((algorithm) =>
    createTestCa({ algorithm, name: `CA ${algorithm}`, notBefore: 0, notAfter: FAR }),
  ),
)
const keys = await Promise.all(
  (['ec-p256', 'ec-p384', 'rsa-2048'] as const).map((each) => generateKeyPair(each)),
)
const first = cas[0] as (typeof cas)[0]
const firstKey = (keys[0] as (typeof keys)[0]).publicKeyDer

const text = fc
  .string({ unit: 'grapheme', minLength: 1, maxLength: 40 })
  .filter((each) => each.isWellFormed())
const label = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?$/)
const dnsName = fc.array(label, { minLength: 1, maxLength: 4 }).map((labels) => labels.join('.'))
const subject = fc.record(
  {
    commonName: text,
    organization: text,
    serialNumber: fc.stringMatching(/^[A-Za-z0-9 '()+,\-./:=?]{1,30}$/),
  },
  { requiredKeys: [], noNullPrototype: true },
)
const leaf = fc
  .record(
    {
      serial: fc.uint8Array({ minLength: 1, maxLength: 19 }).map((bytes) => Buffer.from(bytes)),
      notBefore: fc.integer({ min: 0, max: NOW * 2 }),
      lifetime: fc.integer({ min: 1, max: 20 * 365 * 86_400 }),
      subject,
      uriSan: fc.stringMatching(/^spiffe:\/\/[a-z0-9._-]{1,60}(\/[A-Za-z0-9_-]{1,40}){1,8}$/),
      dnsSans: fc.array(dnsName, { maxLength: 6 }),
      extKeyUsages: fc.subarray(['serverAuth', 'clientAuth'] as const),
    },
    { requiredKeys: ['serial', 'notBefore', 'lifetime', 'extKeyUsages'] },
  )
  .filter(({ serial, subject: name = {}, uriSan, dnsSans = [] }) => {
    const namesSomething = Object.keys(name).length > 0 || uriSan !== undefined || dnsSans.length > 0
    return namesSomething && serial.some((octet) => octet !== 0)
  })
  .map(({ lifetime, ...rest }) => ({ ...rest, notAfter: Math.min(rest.notBefore + lifetime, FAR) }))
  .filter(({ notBefore, notAfter }) => notAfter > notBefore)

describe('our leaf certificate', () => {
  it('says to our reader, to OpenSSL and to @peculiar/x509 what was requested, field by field', () => {
    fc.assert(
      fc.property(leaf, fc.nat(2), fc.nat(2), (input, whichCa, whichKey) => {
        const { ca, der: caDer } = cas[whichCa] as (typeof cas)[0]
        const { publicKeyDer } = keys[whichKey] as (typeof keys)[0]
        const wanted: LeafInput = { ...input, publicKeyDer }
        const der = ca.signLeaf(wanted)
        const read = parseCertificate(der)
        const issuer = parseCertificate(caDer)
        assert.equal(verifyChain([read], [issuer], input.notBefore), issuer)
        assert.deepEqual(read.issuerDer, issuer.subjectDer)
        assert.equal(BigInt(`0x${read.serial}`), BigInt(`0x${input.serial.toString('hex')}`))
        assert.deepEqual(read.subject, input.subject ?? {})
        assert.deepEqual([read.notBefore, read.notAfter], [input.notBefore, input.notAfter])
        assert.deepEqual(read.publicKeyDer, publicKeyDer)
        assert.deepEqual([...read.keyUsages], ['digitalSignature'])
        assert.deepEqual([read.isKeyUsageCritical, read.isCa, read.hasBasicConstraints], [true, false, true])
        assert.deepEqual(read.extKeyUsages, input.extKeyUsages)
        assert.deepEqual(read.uriSans, input.uriSan === undefined ? [] : [input.uriSan])
        assert.deepEqual(read.dnsSans, input.dnsSans ?? [])
        assert.equal(read.subjectKeyId, keyIdentifier(publicKeyDer).toString('hex'))
        assert.equal(read.authorityKeyId, issuer.subjectKeyId)

        checkWithOpenSsl(der, caDer, wanted)
        checkWithPeculiar(der, wanted, ca.keyId)
      }),
      { numRuns: 300 },
    )
  })

  it('writes the exact bytes that the standards name', () => {
    const der = signTestLeaf(first, firstKey).toString('hex')
    assert.ok(der.includes('a003020102'), 'version 3')
    assert.ok(der.includes('0603551d130101ff04023000'), 'basic constraints: critical, an empty SEQUENCE')
    assert.ok(der.includes('0603551d0f0101ff040403020780'), 'key usage: critical, digitalSignature alone')
    assert.ok(
      der.includes('0603551d110101ff04'),
      'subject alternative name: critical, since the subject is empty',
    )
    const named = signTestLeaf(first, firstKey, { subject: { commonName: 'a' } }).toString('hex')
    assert.ok(named.includes('0603551d1104'), 'subject alternative name: not critical beside a subject')
    assert.ok(named.includes('06035504030c0161'), 'a common name is a UTF8String')
    const numbered = signTestLeaf(first, firstKey, { subject: { serialNumber: '1' } }).toString('hex')
    assert.ok(numbered.includes('0603550405130131'), 'a serial number is a PrintableString')
  })

  it('writes UTCTime before 2050 and GeneralizedTime from then on', () => {
    const turn = Date.UTC(2050, 0) / 1000
    const der = signTestLeaf(first, firstKey, { notBefore: turn - 1, notAfter: turn }).toString('latin1')
    assert.ok(der.includes('\x17\x0d491231235959Z\x18\x0f20500101000000Z'))
  })

  for (const [what, change] of Object.entries<Partial<LeafInput>>({
    'outlives the CA': { notAfter: FAR + 1 },
    'ends before it begins': { notBefore: NOW, notAfter: NOW },
    'has a fraction of a second': { notAfter: NOW + 0.5 },
    'has the serial number 0': { serial: Buffer.alloc(4) },
    'has no serial number': { serial: Buffer.alloc(0) },
    'has a serial number of 21 octets': { serial: Buffer.alloc(20, 0xff) },
    'has a URI that is not ASCII': { uriSan: 'spiffe://example.org/é' },
    'has an empty DNS name': { dnsSans: [''] },
    'has an empty common name': { subject: { commonName: '' } },
    'has a lone surrogate in its name': { subject: { commonName: '\ud800' } },
    'has an invalid serial number attribute': { subject: { serialNumber: 'a_b' } },
  })) {
    it(`is refused as a programming error when it ${what}`, () => {
      assert.throws(() => signTestLeaf(first, firstKey, change), TypeError)
    })
  }

  it('must name something, and its key must be a key', () => {
    const { uriSan: _, ...nameless } = { ...leafOf(), uriSan: '' }
    assert.throws(() => first.ca.signLeaf(nameless), TypeError)
    assert.throws(() => signTestLeaf(first, Buffer.from('3000', 'hex')), { code: 'ERR_CRYPTO_KEY_INVALID' })
  })

  it('is signed by a CA only with its own key', async () => {
    const other = await generateKeyPair()
    assert.throws(() => new SigningCa(first.der, other.privateKey), TypeError)
    assert.throws(() => new SigningCa(signTestLeaf(first, other.publicKeyDer), other.privateKey), TypeError)
    const again = loadKeyPair(exportPkcs8(first.key.privateKey))
    assert.equal(new SigningCa(first.der, again.privateKey).keyId, first.ca.keyId)
  })
})

describe('randomSerial', () => {
  it('is 16 octets, positive, without a leading zero, and new each time', () => {
    const random = new FakeRandom()
    const serials = Array.from({ length: 500 }, () => randomSerial(random))
    assert.ok(serials.every((each) => each.length === 16 && (each[0] ?? 0) >= 0x40 && (each[0] ?? 0) < 0x80))
    assert.equal(new Set(serials.map((each) => each.toString('hex'))).size, 500)
  })
})

function leafOf(): LeafInput {
  return {
    serial: Buffer.of(1),
    publicKeyDer: firstKey,
    notBefore: NOW,
    notAfter: NOW + 1,
    extKeyUsages: ['clientAuth'],
  }
}

function checkWithOpenSsl(der: Buffer, caDer: Buffer, wanted: LeafInput): void {
  const certificate = new X509Certificate(der)
  const issuer = new X509Certificate(caDer)
  assert.ok(certificate.verify(issuer.publicKey) && certificate.checkIssued(issuer))
  assert.equal(certificate.ca, false)
  assert.equal(BigInt(`0x${certificate.serialNumber}`), BigInt(`0x${wanted.serial.toString('hex')}`))
  assert.equal(certificate.validFromDate.getTime(), wanted.notBefore * 1000)
  assert.equal(certificate.validToDate.getTime(), wanted.notAfter * 1000)
  assert.deepEqual(certificate.publicKey.export({ format: 'der', type: 'spki' }), wanted.publicKeyDer)
  const names = [
    ...(wanted.uriSan === undefined ? [] : [`URI:${wanted.uriSan}`]),
    ...(wanted.dnsSans ?? []).map((name) => `DNS:${name}`),
  ]
  assert.equal(certificate.subjectAltName ?? '', names.join(', '))
}

function checkWithPeculiar(der: Buffer, wanted: LeafInput, authorityKeyId: string): void {
  const certificate = new peculiar.X509Certificate(der)
  const order = ['2.5.29.19', '2.5.29.15', '2.5.29.14', '2.5.29.35']
  if (wanted.extKeyUsages.length > 0) order.push('2.5.29.37')
  const names = [
    ...(wanted.uriSan === undefined ? [] : [{ type: 'url', value: wanted.uriSan }]),
    ...(wanted.dnsSans ?? []).map((value) => ({ type: 'dns', value })),
  ]
  if (names.length > 0) order.push('2.5.29.17')
  assert.deepEqual(
    Array.from(certificate.extensions, ({ type }) => type),
    order,
  )
  const critical = Array.from(certificate.extensions)
    .filter((each) => each.critical)
    .map(({ type }) => type)
  const hasSubject = Object.keys(wanted.subject ?? {}).length > 0
  assert.deepEqual(critical, [
    '2.5.29.19',
    '2.5.29.15',
    ...(names.length > 0 && !hasSubject ? ['2.5.29.17'] : []),
  ])
  const alternative = certificate.getExtension(peculiar.SubjectAlternativeNameExtension)
  assert.deepEqual(alternative?.names.toJSON() ?? [], names)
  assert.equal(certificate.getExtension(peculiar.AuthorityKeyIdentifierExtension)?.keyId, authorityKeyId)
  assert.deepEqual(certificate.subjectName.getField('CN'), one(wanted.subject?.commonName))
  assert.deepEqual(certificate.subjectName.getField('O'), one(wanted.subject?.organization))
  assert.deepEqual(certificate.subjectName.getField('2.5.4.5'), one(wanted.subject?.serialNumber))
}

function one(value: string | undefined): string[] {
  return value === undefined ? [] : [value]
}
