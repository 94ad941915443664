import { createPublicKey, type KeyObject, sign } from 'node:crypto'
import type { Random } from '../foundation/random.ts'
import { ascii, bitString, extension, octetString, oid, sequence, time, tlv, unsigned } from './der.ts'
import { context, contextConstructed } from './der-reader.ts'
import { type DistinguishedName, encodeName } from './distinguished-name.ts'
import { exportSpki, keyIdentifier } from './keys.ts'
import { ExtensionOid, type ExtKeyUsage, ExtKeyUsageOid, SignatureOid } from './oids.ts'
import { MAX_SERIAL_BYTES } from './serial-number.ts'
import { parseCertificate } from './x509.ts'

export interface LeafInput {
  readonly serial: Buffer
  /** SubjectPublicKeyInfo in DER, already checked by {@link parsePublicKey}. */
  readonly publicKeyDer: Buffer
  /** Seconds since 1970. */
  readonly notBefore: number
  readonly notAfter: number
  readonly subject?: DistinguishedName
  readonly uriSan?: string
  readonly dnsSans?: readonly string[]
  readonly extKeyUsages: readonly ExtKeyUsage[]
}

const VERSION_3 = tlv(contextConstructed(0), unsigned(Buffer.of(2)))
/** cA = FALSE is the default, which DER leaves out: an empty SEQUENCE (X509-SVID §4.1). */
const NOT_A_CA = extension(oid(ExtensionOid.basicConstraints), true, sequence())
/** digitalSignature is bit 0; seven bits are unused (X509-SVID §4.3). */
const DIGITAL_SIGNATURE = extension(oid(ExtensionOid.keyUsage), true, Buffer.of(0x03, 0x02, 0x07, 0x80))
const USAGES: Readonly<Record<ExtKeyUsage, Buffer>> = {
  serverAuth: oid(ExtKeyUsageOid.serverAuth),
  clientAuth: oid(ExtKeyUsageOid.clientAuth),
}
const SUBJECT_KEY_ID = oid(ExtensionOid.subjectKeyIdentifier)
const SUBJECT_ALT_NAME = oid(ExtensionOid.subjectAltName)
const EXT_KEY_USAGE = oid(ExtensionOid.extKeyUsage)
const AUTHORITY_KEY_ID = oid(ExtensionOid.authorityKeyIdentifier)
const URI_NAME = context(6)
const DNS_NAME = context(2)
const KEY_IDENTIFIER = context(0)
const EMPTY_NAME = encodeName({})

interface SignatureAlgorithm {
  readonly digest: string
  readonly identifier: Buffer
}

/** A CA certificate and its key. It signs leaf certificates only. */
export class SigningCa {
  readonly certificateDer: Buffer
  /** The SubjectKeyIdentifier, in hex. */
  readonly keyId: string
  /** Seconds since 1970. */
  readonly notBefore: number
  readonly notAfter: number
  readonly #key: KeyObject
  readonly #algorithm: SignatureAlgorithm
  readonly #issuer: Buffer
  readonly #authorityKeyId: Buffer

  constructor(certificateDer: Buffer, privateKey: KeyObject) {
    const certificate = parseCertificate(certificateDer)
    if (!certificate.isCa || !certificate.keyUsages.has('keyCertSign'))
      throw new TypeError('not the certificate of a CA')
    if (!exportSpki(createPublicKey(privateKey)).equals(certificate.publicKeyDer)) {
      throw new TypeError('the key is not the one in the certificate')
    }
    const keyId =
      certificate.subjectKeyId === undefined
        ? keyIdentifier(certificate.publicKeyDer)
        : Buffer.from(certificate.subjectKeyId, 'hex')
    this.certificateDer = certificateDer
    this.keyId = keyId.toString('hex')
    this.notBefore = certificate.notBefore
    this.notAfter = certificate.notAfter
    this.#key = privateKey
    this.#algorithm = algorithmOf(privateKey)
    this.#issuer = certificate.subjectDer
    this.#authorityKeyId = extension(AUTHORITY_KEY_ID, false, sequence(tlv(KEY_IDENTIFIER, keyId)))
  }

  /**
   * Signs a leaf certificate (DER).
   * @throws TypeError when the leaf would outlive this CA or has no name: that is a bug of the
   *   caller
   */
  signLeaf(leaf: LeafInput): Buffer {
    if (leaf.notAfter > this.notAfter)
      throw new TypeError('a certificate must not outlive the CA that signs it')
    if (leaf.notAfter <= leaf.notBefore) throw new TypeError('a certificate must end after it begins')
    const subject = leaf.subject === undefined ? EMPTY_NAME : encodeName(leaf.subject)
    const toBeSigned = sequence(
      VERSION_3,
      serialNumber(leaf.serial),
      this.#algorithm.identifier,
      this.#issuer,
      sequence(time(leaf.notBefore), time(leaf.notAfter)),
      subject,
      leaf.publicKeyDer,
      tlv(contextConstructed(3), sequence(...this.#extensions(leaf, subject.length === EMPTY_NAME.length))),
    )
    const signature = sign(this.#algorithm.digest, toBeSigned, this.#key)
    return sequence(toBeSigned, this.#algorithm.identifier, bitString(signature))
  }

  #extensions(leaf: LeafInput, hasEmptySubject: boolean): Buffer[] {
    const extensions = [
      NOT_A_CA,
      DIGITAL_SIGNATURE,
      extension(SUBJECT_KEY_ID, false, octetString(keyIdentifier(leaf.publicKeyDer))),
      this.#authorityKeyId,
    ]
    if (leaf.extKeyUsages.length > 0) {
      extensions.push(
        extension(EXT_KEY_USAGE, false, sequence(...leaf.extKeyUsages.map((usage) => USAGES[usage]))),
      )
    }
    const names = alternativeNames(leaf)
    if (names.length > 0) {
      // Critical when the subject is empty (RFC 5280 §4.2.1.6, X509-SVID §2).
      extensions.push(extension(SUBJECT_ALT_NAME, hasEmptySubject, sequence(...names)))
    } else if (hasEmptySubject) throw new TypeError('a certificate must name something')
    return extensions
  }
}

/**
 * 16 octets: positive, with 126 random bits, and never with a leading zero, so that all have the
 * same length.
 */
export function randomSerial(random: Random): Buffer {
  const serial = random.bytes(16)
  serial[0] = ((serial[0] ?? 0) & 0x7f) | 0x40
  return serial
}

function alternativeNames({ uriSan, dnsSans = [] }: LeafInput): Buffer[] {
  const names = dnsSans.map((name) => ascii(DNS_NAME, name))
  if (uriSan !== undefined) names.unshift(ascii(URI_NAME, uriSan))
  return names
}

function serialNumber(serial: Buffer): Buffer {
  const encoded = unsigned(serial)
  if (encoded.length - 2 > MAX_SERIAL_BYTES || serial.every((octet) => octet === 0)) {
    throw new TypeError(`a serial number is positive and has at most ${MAX_SERIAL_BYTES} octets`)
  }
  return encoded
}

const NULL = Buffer.of(0x05, 0x00)

function algorithmOf(key: KeyObject): SignatureAlgorithm {
  if (key.asymmetricKeyType === 'rsa') {
    // RFC 4055 §5: the parameters are NULL and must be present.
    return { digest: 'sha256', identifier: sequence(oid(SignatureOid.rsaSha256), NULL) }
  }
  switch (key.asymmetricKeyDetails?.namedCurve) {
    case 'prime256v1':
      return { digest: 'sha256', identifier: sequence(oid(SignatureOid.ecdsaSha256)) }
    case 'secp384r1':
      return { digest: 'sha384', identifier: sequence(oid(SignatureOid.ecdsaSha384)) }
    default:
      throw new TypeError('a CA signs with EC on P-256 or P-384, or with RSA')
  }
}
