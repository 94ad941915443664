import {
  anOid,
  aSmallNumber,
  checkShape,
  listOf,
  octets,
  optional,
  readCommonOid,
  type Shape,
  sequenceOf,
  tagged,
  taggedList,
  text,
} from './der-grammar.ts'
import { context, contextConstructed, DerReader, InvalidDerError, Tag } from './der-reader.ts'
import { ExtensionOid, SignatureOid } from './oids.ts'
import { MAX_SERIAL_BYTES } from './serial-number.ts'
import type { Certificate } from './x509.ts'
import {
  aUriText,
  constrainedName,
  displayText,
  generalName,
  generalNames,
  name,
  taggedGeneralNames,
} from './x509-general-name.ts'
import { schemeOf } from './x509-signature.ts'

/**
 * Checks whether every client can read a certificate: Go's crypto/x509, Java's CertificateFactory,
 * Python's cryptography, x509-parser and webpki for Rust, OpenSSL and BoringSSL. Each rejects other
 * things, and most reject a whole bundle for one certificate. So this does not list what some of
 * them reject; it accepts only the part of RFC 5280 that all of them read.
 * @returns why it is not readable; undefined when it is
 */
export function readingProblem(certificate: Certificate): string | undefined {
  try {
    check(certificate)
    return undefined
  } catch (error) {
    if (error instanceof InvalidDerError) return error.message
    throw error
  }
}

function check({ der, signed }: Certificate): void {
  const whole = new DerReader(der).enter(Tag.sequence)
  const fields = whole.enter(Tag.sequence)
  checkAlgorithm(signed)
  whole.read(Tag.sequence)
  if (whole.readBitString().length === 0) throw new InvalidDerError('an empty signature')
  if (!fields.enter(contextConstructed(0)).readUnsigned().equals(Buffer.of(2)))
    throw new InvalidDerError('another version than 3')
  const serial = fields.read(Tag.integer).content
  if (serial.length > MAX_SERIAL_BYTES || serial.equals(Buffer.of(0)))
    throw new InvalidDerError('a serial number out of range')
  fields.read(Tag.sequence)
  name(fields)
  const validity = fields.enter(Tag.sequence)
  time(validity)
  time(validity)
  name(fields)
  fields.read(Tag.sequence) // the key is checked where it is used
  if (fields.nextTag !== contextConstructed(3))
    throw new InvalidDerError('no extensions, or unique identifiers')
  const extensions = fields.enter(contextConstructed(3)).enter(Tag.sequence)
  while (extensions.hasMore) checkExtension(extensions.enter(Tag.sequence))
}

const NULL = Buffer.of(0x05, 0x00)
/** Algorithms of self-signatures, which no client verifies. They need only be readable. */
const OTHER_ALGORITHMS: Readonly<Record<string, Buffer>> = {
  '1.2.840.113549.1.1.5': NULL, // RSA with SHA-1
  '1.2.840.10045.4.1': Buffer.alloc(0), // ECDSA with SHA-1
  '1.3.101.112': Buffer.alloc(0), // Ed25519
}
const WITH_NULL: readonly string[] = [SignatureOid.rsaSha256, SignatureOid.rsaSha384, SignatureOid.rsaSha512]

function checkAlgorithm(signed: Certificate['signed']): void {
  const { algorithm, parameters } = signed
  const other = Object.hasOwn(OTHER_ALGORITHMS, algorithm) ? OTHER_ALGORITHMS[algorithm] : undefined
  const isKnown = other === undefined ? schemeOf(signed) !== undefined : parameters.equals(other)
  const lacksNull = WITH_NULL.includes(algorithm) && !parameters.equals(NULL)
  if (!isKnown || lacksNull) throw new InvalidDerError('a signature algorithm that not everybody knows')
}

/**
 * UTCTime until 2049 and GeneralizedTime after that (RFC 5280 §4.1.2.5). The parser has checked
 * that the time exists.
 */
function time(reader: DerReader): void {
  const { tag, content } = reader.readAny()
  if (tag === Tag.generalizedTime && content.toString('latin1', 0, 4) < '2050')
    throw new InvalidDerError('a time before 2050 as GeneralizedTime')
}

function checkExtension(extension: DerReader): void {
  const id = readCommonOid(extension)
  const critical = extension.readDefaultFalse()
  const value = extension.read(Tag.octetString).content
  const known = Object.hasOwn(EXTENSIONS, id) ? EXTENSIONS[id] : undefined
  if (known === undefined) {
    if (critical) throw new InvalidDerError(`the critical extension ${id}, which is not known`)
    // Parsers ignore private extensions, but some parse more of the common ones than this check knows.
    if (COMMON.some((arc) => id.startsWith(arc)))
      throw new InvalidDerError(`the extension ${id}, which is not known here`)
    return
  }
  if (critical && known.neverCritical) throw new InvalidDerError(`the extension ${id} marked as critical`)
  try {
    checkShape(value, known.shape)
  } catch (error) {
    if (!(error instanceof InvalidDerError)) throw error
    throw new InvalidDerError(`in the extension ${id}: ${error.message}`, { cause: error })
  }
}

/**
 * Arcs whose extensions some client parses: RFC 5280, PKIX, OCSP, Certificate Transparency,
 * ISIS-MTT, Netscape.
 */
const COMMON: readonly string[] = [
  '2.5.29.',
  '1.3.6.1.5.5.7.',
  '1.3.6.1.4.1.11129.2.',
  '1.3.36.8.',
  '2.16.840.1.113730.',
]

interface KnownExtension {
  readonly shape: Shape
  /** RFC 5280 says so, and Go enforces it. */
  readonly neverCritical?: boolean
}

const basicConstraints: Shape = (reader) => {
  const fields = reader.enter(Tag.sequence)
  fields.readDefaultFalse()
  optional(Tag.integer, aSmallNumber())(fields)
  fields.end()
}

const KEY_AGREEMENT = 0x08
const ENCIPHER_ONLY = 0x01

const KEY_CERT_SIGN = 0x04

/**
 * The parser has checked the DER form of the bits. OpenSSL does not treat a CA without keyCertSign
 * as a CA, and Python accepts the last two bits only with keyAgreement.
 */
const keyUsage: Shape = (reader) => {
  const [, first = 0, second = 0] = reader.read(Tag.bitString).content
  if ((first & KEY_CERT_SIGN) === 0) throw new InvalidDerError('it may not sign certificates')
  if ((first & KEY_AGREEMENT) === 0 && ((first & ENCIPHER_ONLY) !== 0 || second !== 0))
    throw new InvalidDerError('encipherOnly or decipherOnly without keyAgreement')
}

/** Issuer and serial number must occur together. */
const authorityKeyIdentifier: Shape = (reader) => {
  const fields = reader.enter(Tag.sequence)
  optional(context(0), octets(context(0)))(fields)
  if (fields.hasMore) {
    taggedGeneralNames(1)(fields)
    const { content } = fields.read(context(2))
    checkShape(
      Buffer.concat([Buffer.of(Tag.integer, content.length), content]),
      (serial) => void serial.readUnsigned(),
    )
  }
  fields.end()
}

const subtree = sequenceOf(constrainedName)
const nameConstraints: Shape = (reader) => {
  const fields = reader.enter(Tag.sequence)
  if (!fields.hasMore) throw new InvalidDerError('name constraints that say nothing')
  optional(contextConstructed(0), taggedList(0, subtree))(fields)
  optional(contextConstructed(1), taggedList(1, subtree))(fields)
  fields.end()
}

/** A full name or an issuer. Reasons are left out, because parsers interpret their bits differently. */
const distributionPoint: Shape = (reader) => {
  const fields = reader.enter(Tag.sequence)
  if (!fields.hasMore) throw new InvalidDerError('a distribution point that says nothing')
  optional(contextConstructed(0), tagged(0, taggedGeneralNames(0)))(fields)
  optional(contextConstructed(2), taggedGeneralNames(2))(fields)
  fields.end()
}

const noticeReference = sequenceOf(displayText, listOf(aSmallNumber()))
const userNotice: Shape = (reader) => {
  const fields = reader.enter(Tag.sequence)
  optional(Tag.sequence, noticeReference)(fields)
  if (fields.hasMore) displayText(fields)
  fields.end()
}
const qualifier: Shape = (reader) => {
  const fields = reader.enter(Tag.sequence)
  switch (readCommonOid(fields)) {
    case '1.3.6.1.5.5.7.2.1':
      aUriText(fields)
      break
    case '1.3.6.1.5.5.7.2.2':
      userNotice(fields)
      break
    default:
      throw new InvalidDerError('a policy qualifier that not everybody knows')
  }
  fields.end()
}
const certificatePolicies: Shape = (reader) => {
  const policies = reader.enter(Tag.sequence)
  const seen = new Set<string>()
  do {
    const policy = policies.enter(Tag.sequence)
    const id = readCommonOid(policy)
    if (seen.has(id)) throw new InvalidDerError('a policy that is there twice')
    seen.add(id)
    optional(Tag.sequence, listOf(qualifier))(policy)
    policy.end()
  } while (policies.hasMore)
}

const policyConstraints: Shape = (reader) => {
  const fields = reader.enter(Tag.sequence)
  if (!fields.hasMore) throw new InvalidDerError('policy constraints that say nothing')
  optional(context(0), aSmallNumber(context(0)))(fields)
  optional(context(1), aSmallNumber(context(1)))(fields)
  fields.end()
}

const accessDescriptions = listOf(sequenceOf(anOid, generalName))
const MOMENT = /^\d{14}Z$/
const usagePeriod = sequenceOf(text(context(0), MOMENT, 'a time'), text(context(1), MOMENT, 'a time'))
const microsoftTemplate = sequenceOf(
  anOid,
  optional(Tag.integer, anInteger),
  optional(Tag.integer, anInteger),
)

function anInteger(reader: DerReader): void {
  reader.readSmallUnsigned()
}

const EXTENSIONS: Readonly<Record<string, KnownExtension>> = {
  [ExtensionOid.basicConstraints]: { shape: basicConstraints },
  [ExtensionOid.keyUsage]: { shape: keyUsage },
  [ExtensionOid.extKeyUsage]: { shape: listOf(anOid) },
  [ExtensionOid.subjectAltName]: { shape: generalNames },
  [ExtensionOid.subjectKeyIdentifier]: { shape: octets(), neverCritical: true },
  [ExtensionOid.authorityKeyIdentifier]: { shape: authorityKeyIdentifier, neverCritical: true },
  [ExtensionOid.nameConstraints]: { shape: nameConstraints },
  '2.5.29.16': { shape: usagePeriod, neverCritical: true },
  '2.5.29.18': { shape: generalNames, neverCritical: true },
  '2.5.29.31': { shape: listOf(distributionPoint) },
  '2.5.29.32': { shape: certificatePolicies },
  '2.5.29.33': { shape: listOf(sequenceOf(anOid, anOid)) },
  '2.5.29.36': { shape: policyConstraints },
  '2.5.29.46': { shape: listOf(distributionPoint), neverCritical: true },
  '2.5.29.54': { shape: aSmallNumber() },
  '1.3.6.1.5.5.7.1.1': { shape: accessDescriptions, neverCritical: true },
  '1.3.6.1.5.5.7.1.11': { shape: accessDescriptions, neverCritical: true },
  '1.3.6.1.4.1.311.21.7': { shape: microsoftTemplate, neverCritical: true },
  '2.16.840.1.113730.1.13': { shape: aUriText, neverCritical: true },
}
