import { sign } from 'node:crypto'
import { bitString, octetString, oid, sequence, time, tlv, unsigned } from '../../../src/crypto/der.ts'
import { Tag } from '../../../src/crypto/der-reader.ts'
import type { KeyPair } from '../../../src/crypto/keys.ts'
import { SignatureOid } from '../../../src/crypto/oids.ts'
import { anyExtension, caExtension, keyUsageExtension } from '../../support/forged-certificate.ts'
import {
  BE,
  bits,
  CN,
  directory,
  dns,
  GENERAL_NAMES,
  ia5,
  int,
  ip,
  mail,
  other,
  pair,
  plainName,
  text,
  uri,
  utf8,
} from './odd-names.ts'

/**
 * CA certificates with everything that a certificate can have, and many variants of each part,
 * valid and unusual.
 */

export type Parts = {
  version: Buffer
  serial: Buffer
  algorithm: Buffer
  issuer: Buffer
  validity: Buffer
  subject: Buffer
  key: Buffer
  uniqueIds: Buffer
  extensions: readonly Buffer[]
}

const names = (...list: readonly Buffer[]): Buffer => sequence(...list)
const san = (list: readonly Buffer[], critical = false): Buffer =>
  anyExtension('2.5.29.17', critical, names(...list))
const subtree = (...fields: readonly Buffer[]): Buffer => sequence(...fields)
const constraints = (...fields: readonly Buffer[]): Buffer =>
  anyExtension('2.5.29.30', true, sequence(...fields))
const policy = (id: string, ...qualifiers: readonly Buffer[]): Buffer =>
  qualifiers.length > 0 ? sequence(oid(id), sequence(...qualifiers)) : sequence(oid(id))
const cps = (value: Buffer): Buffer => sequence(oid('1.3.6.1.5.5.7.2.1'), value)
const notice = (...fields: readonly Buffer[]): Buffer =>
  sequence(oid('1.3.6.1.5.5.7.2.2'), sequence(...fields))
const policies = (...list: readonly Buffer[]): Buffer => anyExtension('2.5.29.32', false, sequence(...list))
const point = (...fields: readonly Buffer[]): Buffer => sequence(...fields)
const fullName = (...list: readonly Buffer[]): Buffer => tlv(0xa0, tlv(0xa0, ...list))
const crls = (...points: readonly Buffer[]): Buffer => anyExtension('2.5.29.31', false, sequence(...points))
const access = (...list: readonly Buffer[]): Buffer =>
  anyExtension('1.3.6.1.5.5.7.1.1', false, sequence(...list))
const OCSP = oid('1.3.6.1.5.5.7.48.1')
const HTTP = uri('http://crl.example/a.crl')

/** Valid extensions, each once, to be modified. */
export const RICH: readonly Buffer[] = [
  caExtension(3),
  keyUsageExtension([0, 5, 6]),
  anyExtension('2.5.29.14', false, octetString(Buffer.alloc(20, 1))),
  anyExtension(
    '2.5.29.35',
    false,
    sequence(tlv(0x80, Buffer.alloc(20, 2)), tlv(0xa1, directory(plainName)), tlv(0x82, Buffer.of(1, 2))),
  ),
  san([
    uri('spiffe://partner.example'),
    dns('ca.partner.example'),
    mail('ca@partner.example'),
    ip(10, 0, 0, 1),
    directory(plainName),
    other,
  ]),
  anyExtension('2.5.29.18', false, names(uri('https://partner.example'))),
  anyExtension(
    '2.5.29.37',
    false,
    sequence(oid('1.3.6.1.5.5.7.3.1'), oid('1.3.6.1.5.5.7.3.2'), oid('2.5.29.37.0')),
  ),
  constraints(
    tlv(
      0xa0,
      subtree(dns('example.org')),
      subtree(uri('.example.org')),
      subtree(ip(10, 0, 0, 0, 255, 0, 0, 0)),
      subtree(directory(plainName)),
      subtree(mail('example.org')),
    ),
    tlv(0xa1, subtree(dns('.bad.example'))),
  ),
  policies(
    policy(
      '2.5.29.32.0',
      cps(ia5('https://cps.example')),
      notice(sequence(utf8('Org'), sequence(int(1))), utf8('be nice')),
    ),
    policy('1.2.3.4'),
  ),
  anyExtension('2.5.29.33', true, sequence(sequence(oid('1.2.3'), oid('1.2.4')))),
  anyExtension('2.5.29.36', true, sequence(tlv(0x80, Buffer.of(1)), tlv(0x81, Buffer.of(2)))),
  anyExtension('2.5.29.54', true, int(3)),
  crls(point(fullName(HTTP)), point(fullName(uri('ldap:///CN=a?b')), tlv(0xa2, directory(plainName)))),
  anyExtension('2.5.29.46', false, sequence(point(fullName(HTTP)))),
  anyExtension('2.5.29.16', false, sequence(text(0x80, '20260101000000Z'), text(0x81, '20270101000000Z'))),
  access(
    sequence(OCSP, uri('http://ocsp.example')),
    sequence(oid('1.3.6.1.5.5.7.48.2'), uri('http://ca.example/ca.crt')),
  ),
  anyExtension(
    '1.3.6.1.5.5.7.1.11',
    false,
    sequence(sequence(oid('1.3.6.1.5.5.7.48.5'), uri('http://repo.example'))),
  ),
  anyExtension('1.3.6.1.4.1.311.21.7', false, sequence(oid('1.3.6.1.4.1.311.21.8.1'), int(100), int(5))),
  anyExtension('1.3.6.1.4.1.311.21.1', false, int(0)),
  anyExtension('2.16.840.1.113730.1.13', false, ia5('made by hand')),
  anyExtension('1.3.6.1.4.1.99999.1', false, Buffer.from('anything')),
]

/** Replacements for the extension with the same OID, or additions. */
export const ODD_EXTENSIONS: readonly Buffer[] = [
  ...GENERAL_NAMES.map((each) => san([each])),
  ...GENERAL_NAMES.map((each) => san([uri('spiffe://partner.example'), each], true)),
  ...GENERAL_NAMES.map((each) => crls(point(fullName(each)))),
  ...GENERAL_NAMES.map((each) => access(sequence(OCSP, each))),
  ...GENERAL_NAMES.map((each) => constraints(tlv(0xa0, subtree(each)))),
  ...GENERAL_NAMES.map((each) => anyExtension('2.5.29.18', false, names(each))),
  ...[0, 1, 127, 128, 255, 256, 65_536, 2 ** 31 - 1, 2 ** 31, 2 ** 32].map((length) =>
    anyExtension(
      '2.5.29.19',
      true,
      sequence(tlv(1, Buffer.of(255)), unsigned(Buffer.from(length.toString(16).padStart(10, '0'), 'hex'))),
    ),
  ),
  anyExtension('2.5.29.19', true, sequence(tlv(1, Buffer.of(255)), int(0x80))),
  anyExtension('2.5.29.19', false, sequence(tlv(1, Buffer.of(255)))),
  anyExtension('2.5.29.19', true, sequence(tlv(1, Buffer.of(1)))),
  ...[
    [7, 0x80],
    [1, 6],
    [0, 1],
    [7, 1, 0x80],
    [7, 9, 0x80],
    [3, 8],
    [0, 9],
    [0, 0],
    [0],
    [1, 7],
    [2, 4],
    [0, 4, 0],
  ].map((octets) => anyExtension('2.5.29.15', true, bits(...octets))),
  anyExtension('2.5.29.14', true, octetString(Buffer.alloc(20, 1))),
  anyExtension('2.5.29.14', false, octetString()),
  anyExtension('2.5.29.14', false, octetString(Buffer.alloc(200, 1))),
  anyExtension('2.5.29.14', false, Buffer.alloc(20, 1)),
  anyExtension('2.5.29.35', true, sequence(tlv(0x80, Buffer.alloc(20, 2)))),
  anyExtension('2.5.29.35', false, sequence()),
  anyExtension('2.5.29.35', false, sequence(tlv(0xa1, directory(plainName)))),
  anyExtension('2.5.29.35', false, sequence(tlv(0x82, Buffer.of(1)))),
  anyExtension(
    '2.5.29.35',
    false,
    sequence(tlv(0x80, Buffer.of(1)), tlv(0xa1, directory(plainName)), tlv(0x82, Buffer.of(0x80))),
  ),
  constraints(),
  constraints(tlv(0xa0)),
  constraints(tlv(0xa0, subtree(dns('a.example'), tlv(0x80, Buffer.of(0))))),
  constraints(tlv(0xa0, subtree(ip(10, 0, 0, 0, 255, 0, 255, 0)))),
  constraints(tlv(0xa0, subtree(ip(...Array(16).fill(0), ...Array(16).fill(0))))),
  constraints(tlv(0xa1, subtree(dns('')))),
  policies(policy('1.2.3'), policy('1.2.3')),
  policies(),
  policies(sequence(oid('1.2.3'), sequence())),
  policies(policy('1.2.3', cps(utf8('https://cps.example')))),
  policies(policy('1.2.3', cps(ia5('not a uri at all')))),
  policies(policy('1.2.3', sequence(oid('1.2.3.4'), utf8('a')))),
  policies(policy('1.2.3', notice())),
  policies(policy('1.2.3', notice(text(Tag.visibleString, 'a')))),
  policies(policy('1.2.3', notice(tlv(Tag.bmpString, BE('ü'))))),
  policies(policy('1.2.3', notice(text(Tag.teletexString, 'a')))),
  policies(policy('1.2.3', notice(utf8('x'.repeat(300))))),
  anyExtension('2.5.29.32', false, Buffer.from('garbage')),
  crls(),
  crls(point()),
  crls(point(tlv(0x81, Buffer.of(1, 2)))),
  crls(point(fullName(HTTP), tlv(0x81, Buffer.of(1, 6)))),
  crls(point(tlv(0xa0, tlv(0xa1, pair(CN, utf8('a')))))),
  crls(point(fullName())),
  crls(point(tlv(0xa2, directory(plainName)))),
  anyExtension('2.5.29.31', false, Buffer.from('garbage')),
  anyExtension('2.5.29.31', true, sequence(point(fullName(HTTP)))),
  access(),
  anyExtension('1.3.6.1.5.5.7.1.1', true, sequence(sequence(OCSP, HTTP))),
  anyExtension('1.3.6.1.5.5.7.1.1', false, Buffer.from('garbage')),
  anyExtension('2.5.29.36', true, sequence()),
  anyExtension('2.5.29.36', true, sequence(tlv(0x80, Buffer.of(0x80)))),
  anyExtension('2.5.29.54', true, int(0xff)),
  anyExtension('2.5.29.54', true, int(0, 0xff)),
  anyExtension('2.5.29.37', false, sequence()),
  anyExtension('2.5.29.37', true, sequence(oid('1.3.6.1.5.5.7.3.1'))),
  anyExtension('2.5.29.16', false, sequence()),
  anyExtension('2.5.29.16', false, sequence(text(0x80, 'x'))),
  anyExtension('1.2.3.4', true, sequence()),
  anyExtension('1.2.3.4', false, Buffer.alloc(0)),
  anyExtension('1.3.6.1.5.5.7.1.24', false, sequence(int(5))),
  anyExtension('1.3.6.1.5.5.7.1.24', false, Buffer.from('garbage')),
  anyExtension('1.3.6.1.4.1.11129.2.4.2', false, octetString(Buffer.from('garbage'))),
  anyExtension('1.3.6.1.5.5.7.48.1.5', false, Buffer.from('0500', 'hex')),
  anyExtension('2.16.840.1.113730.1.1', false, bits(0, 7)),
  anyExtension('1.3.6.1.4.1.311.21.7', false, Buffer.from('garbage')),
  anyExtension('2.5.29.9', false, sequence()),
  anyExtension('1.3.6.1.5.5.7.1.7', true, sequence()),
  anyExtension('1.3.6.1.5.5.7.1.14', true, sequence()),
  sequence(Buffer.from('06052a83ffff7f', 'hex'), octetString(Buffer.of(1))),
  sequence(Buffer.from('060a2b8fffffffffffffff7f', 'hex'), octetString(Buffer.of(1))),
]

const utc = (value: string): Buffer => text(Tag.utcTime, value)
const general = (value: string): Buffer => text(Tag.generalizedTime, value)
export const ODD_VALIDITIES: readonly Buffer[] = [
  sequence(utc('260101000000Z'), utc('360101000000Z')),
  sequence(utc('500101000000Z'), utc('491231235959Z')),
  sequence(general('20260101000000Z'), utc('360101000000Z')),
  sequence(utc('260101000000Z'), general('20360101000000Z')),
  sequence(utc('260101000000Z'), general('20500101000000Z')),
  sequence(utc('260101000000Z'), general('99991231235959Z')),
  sequence(utc('260101000000Z'), general('20500101000000.5Z')),
  sequence(utc('2601010000Z'), utc('360101000000Z')),
  sequence(utc('260101000000+0100'), utc('360101000000Z')),
  sequence(utc('260101000060Z'), utc('360101000000Z')),
  sequence(utc('360101000000Z'), utc('260101000000Z')),
  sequence(general('00000101000000Z'), utc('360101000000Z')),
  sequence(general('19490101000000Z'), utc('360101000000Z')),
]

export const ODD_SERIALS: readonly Buffer[] = [
  int(0),
  int(1),
  int(0x80),
  int(0, 1),
  int(0, 0x80),
  int(0x7f, ...Array(19).fill(1)),
  int(0, 0x80, ...Array(18).fill(1)),
  int(0, 0x80, ...Array(19).fill(1)),
  int(0x7f, ...Array(20).fill(1)),
  tlv(Tag.integer),
]

const NULL = Buffer.of(5, 0)
export const ODD_ALGORITHMS: readonly Buffer[] = [
  sequence(oid(SignatureOid.ecdsaSha256)),
  sequence(oid(SignatureOid.ecdsaSha256), NULL),
  sequence(oid(SignatureOid.ecdsaSha512)),
  sequence(oid(SignatureOid.rsaSha256), NULL),
  sequence(oid(SignatureOid.rsaSha256)),
  sequence(oid(SignatureOid.rsaSha256), sequence()),
  sequence(oid('1.2.840.113549.1.1.5'), NULL),
  sequence(oid('1.2.840.113549.1.1.4'), NULL),
  sequence(oid('1.2.840.113549.1.1.2'), NULL),
  sequence(oid('1.2.840.10045.4.1')),
  sequence(oid('1.3.101.112')),
  sequence(oid('1.3.101.112'), NULL),
  sequence(oid('1.3.101.113')),
  sequence(oid('1.2.3.4')),
  sequence(oid('1.2.3.4'), utf8('a')),
  sequence(oid('2.16.840.1.101.3.4.3.17')),
  sequence(oid(SignatureOid.rsaPss)),
  sequence(oid(SignatureOid.rsaPss), sequence()),
  ...['1', '2', '3'].map((digest) => {
    const id = sequence(oid(`2.16.840.1.101.3.4.2.${digest}`), NULL)
    const salt = { 1: 32, 2: 48, 3: 64 }[digest] ?? 0
    return sequence(
      oid(SignatureOid.rsaPss),
      sequence(tlv(0xa0, id), tlv(0xa1, sequence(oid('1.2.840.113549.1.1.8'), id)), tlv(0xa2, int(salt))),
    )
  }),
  sequence(),
]

export function build(parts: Parts, signer: KeyPair): Buffer {
  const tbs = sequence(
    parts.version,
    parts.serial,
    parts.algorithm,
    parts.issuer,
    parts.validity,
    parts.subject,
    parts.key,
    parts.uniqueIds,
    ...(parts.extensions.length > 0 ? [tlv(0xa3, sequence(...parts.extensions))] : []),
  )
  return sequence(tbs, parts.algorithm, bitString(sign('sha256', tbs, signer.privateKey)))
}

export const plainParts = (key: KeyPair): Parts => ({
  version: tlv(0xa0, int(2)),
  serial: int(1, 2, 3),
  algorithm: sequence(oid(SignatureOid.ecdsaSha256)),
  issuer: plainName,
  validity: sequence(time(Date.UTC(2026, 0) / 1000), time(Date.UTC(2036, 0) / 1000)),
  subject: plainName,
  key: key.publicKeyDer,
  uniqueIds: Buffer.alloc(0),
  extensions: [caExtension(), keyUsageExtension([5, 6])],
})
