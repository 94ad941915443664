import { CodedError } from '../foundation/errors.ts'
import { formatInstant } from '../foundation/instant.ts'
import { printable } from '../foundation/printable.ts'
import { contextConstructed, type DerElement, DerReader, InvalidDerError, Tag } from './der-reader.ts'
import { type DistinguishedName, formatName, parseName } from './distinguished-name.ts'
import { MAX_SERIAL_BYTES } from './serial-number.ts'
import { type Extensions, parseExtensions } from './x509-extensions.ts'
import type { SignedPart } from './x509-signature.ts'
import { parseTime } from './x509-time.ts'

export { checkTimes, MAX_CHAIN_LENGTH, verifyChain } from './x509-chain.ts'

/** The bytes are not a valid X.509 certificate. */
class InvalidCertificateError extends CodedError {
  override readonly name = 'InvalidCertificateError'
  readonly code = 'ERR_CRYPTO_CERTIFICATE_INVALID'
  readonly kind = 'invalid_argument'
}

/** A parsed certificate. Nothing in it is verified. */
export interface Certificate extends Extensions {
  readonly der: Buffer
  /** Hex, without leading zero octets. */
  readonly serial: string
  readonly subject: DistinguishedName
  readonly subjectDer: Buffer
  readonly issuer: DistinguishedName
  readonly issuerDer: Buffer
  /** Seconds since 1970; both bounds are inclusive. */
  readonly notBefore: number
  readonly notAfter: number
  /** SubjectPublicKeyInfo, DER. */
  readonly publicKeyDer: Buffer
  readonly signed: SignedPart
}

/** No legitimate certificate is longer. */
const MAX_CERTIFICATE_BYTES = 64 * 1024

/**
 * Parses one certificate in DER strictly (RFC 5280 §4.1). Trailing bytes are an error.
 * @throws InvalidCertificateError
 */
export function parseCertificate(der: Buffer): Certificate {
  if (der.length > MAX_CERTIFICATE_BYTES)
    throw new InvalidCertificateError('not a certificate', { detail: 'too large' })
  try {
    return readCertificate(der)
  } catch (error) {
    if (!(error instanceof InvalidDerError)) throw error
    throw new InvalidCertificateError('not a certificate', { cause: error, detail: error.message })
  }
}

/**
 * Splits concatenated DER certificates, the form of the Workload API. It does not parse them.
 * @throws InvalidCertificateError
 */
export function splitDer(concatenated: Buffer): Buffer[] {
  const { parts, rest } = splitDerAsFar(concatenated)
  if (rest > 0) throw new InvalidCertificateError('not a concatenation of certificates')
  return parts
}

/** Does the same up to the first malformed element; `rest` counts the bytes from there. */
export function splitDerAsFar(concatenated: Buffer): { readonly parts: Buffer[]; readonly rest: number } {
  const parts: Buffer[] = []
  let read = 0
  try {
    for (const reader = new DerReader(concatenated); reader.hasMore; ) {
      const { whole } = reader.read(Tag.sequence)
      parts.push(whole)
      read += whole.length
    }
  } catch (error) {
    if (!(error instanceof InvalidDerError)) throw error
  }
  return { parts, rest: concatenated.length - read }
}

function readCertificate(der: Buffer): Certificate {
  const outer = new DerReader(der)
  const whole = outer.enter(Tag.sequence)
  outer.end()
  const tbs = whole.read(Tag.sequence)
  const algorithm = whole.read(Tag.sequence)
  const signature = whole.readBitString()
  whole.end()

  const fields = new DerReader(tbs.content)
  const version = readVersion(fields)
  const serial = fields.readUnsigned()
  if (serial.length > MAX_SERIAL_BYTES) throw new InvalidDerError('a serial number that is too long')
  if (!fields.read(Tag.sequence).whole.equals(algorithm.whole)) {
    throw new InvalidDerError('two different signature algorithms') // RFC 5280 §4.1.1.2
  }
  const issuerDer = fields.read(Tag.sequence).whole
  const validity = fields.enter(Tag.sequence)
  const notBefore = parseTime(validity.readAny())
  const notAfter = parseTime(validity.readAny())
  validity.end()
  const subjectDer = fields.read(Tag.sequence).whole
  const publicKeyDer = fields.read(Tag.sequence).whole
  skipUniqueIds(fields)
  const extensions = parseExtensions(readExtensions(fields, version))
  fields.end()
  return {
    der,
    serial: serial.toString('hex'),
    subject: parseName(subjectDer),
    subjectDer,
    issuer: parseName(issuerDer),
    issuerDer,
    notBefore,
    notAfter,
    publicKeyDer,
    signed: { data: tbs.whole, ...readAlgorithm(algorithm), signature },
    ...extensions,
  }
}

function readAlgorithm({ content }: DerElement): Pick<SignedPart, 'algorithm' | 'parameters'> {
  const reader = new DerReader(content)
  const algorithm = reader.readOid()
  const parameters = reader.hasMore ? reader.readAny().whole : content.subarray(content.length)
  reader.end()
  return { algorithm, parameters }
}

/** Reads the version. 1 is the default, which DER leaves out; extensions need 3. */
function readVersion(fields: DerReader): number {
  if (fields.nextTag !== contextConstructed(0)) return 1
  const explicit = fields.enter(contextConstructed(0))
  const version = explicit.readSmallUnsigned() + 1
  explicit.end()
  if (version !== 2 && version !== 3) throw new InvalidDerError(`the version ${version}`)
  return version
}

function skipUniqueIds(fields: DerReader): void {
  for (const number of [1, 2]) if (fields.nextTag === (0x80 | number)) fields.readAny()
}

function readExtensions(fields: DerReader, version: number): DerReader | undefined {
  if (fields.nextTag !== contextConstructed(3)) return undefined
  if (version !== 3) throw new InvalidDerError('extensions before version 3')
  const explicit = fields.enter(contextConstructed(3))
  const extensions = explicit.enter(Tag.sequence)
  explicit.end()
  if (!extensions.hasMore) throw new InvalidDerError('an empty list of extensions')
  return extensions
}

/** Describes a certificate for people, with one line for each field. */
export function describeCertificate(certificate: Certificate): string {
  const { subject, issuer, serial, notBefore, notAfter, uriSans, dnsSans, isCa, pathLength } = certificate
  const moment = (seconds: number): string => formatInstant(seconds * 1000)
  const list = (values: Iterable<string>): string => [...values].join(', ')
  const rows: readonly (readonly [string, string | undefined])[] = [
    ['subject', formatName(subject)],
    ['issuer', formatName(issuer)],
    ['serial', serial],
    ['not before', moment(notBefore)],
    ['not after', moment(notAfter)],
    ['URI', list(uriSans.map((uri) => JSON.stringify(uri).slice(1, -1)))],
    ['DNS', list(dnsSans.map((name) => JSON.stringify(name).slice(1, -1)))],
    ['CA', isCa ? `yes${pathLength === undefined ? '' : `, path length ${pathLength}`}` : 'no'],
    ['key usage', list(certificate.keyUsages)],
    ['extended key usage', list(certificate.extKeyUsages)],
    ['subject key id', certificate.subjectKeyId],
    ['authority key id', certificate.authorityKeyId],
    ['unknown critical', list(certificate.unknownCriticalExtensions)],
  ]
  const shown = rows.filter((row): row is readonly [string, string] => row[1] !== undefined && row[1] !== '')
  return shown.map(([label, value]) => `${`${label}:`.padEnd(20)}${printable(value)}`).join('\n')
}
