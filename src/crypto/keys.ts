import {
  createPrivateKey,
  createPublicKey,
  generateKeyPair as generate,
  hash,
  type KeyObject,
} from 'node:crypto'
import { promisify } from 'node:util'
import { CodedError } from '../foundation/errors.ts'
import { DerReader, Tag } from './der-reader.ts'
import { curveOf, rsaProblem } from './public-key-form.ts'

/**
 * Key types of SVIDs and of the keys that sign JWT-SVIDs. Every SPIFFE client and relying party
 * supports them.
 */
export const KEY_TYPES = ['ec-p256', 'ec-p384', 'rsa-2048'] as const
export type KeyType = (typeof KEY_TYPES)[number]
export type KeyAlgorithm = KeyType | 'ed25519'

export interface KeyPair {
  readonly privateKey: KeyObject
  readonly publicKey: KeyObject
  /** SubjectPublicKeyInfo, DER. */
  readonly publicKeyDer: Buffer
}

/** The key is malformed, or of a type that is not accepted. The error never holds the key. */
export class InvalidKeyError extends CodedError {
  override readonly name = 'InvalidKeyError'
  readonly code = 'ERR_CRYPTO_KEY_INVALID'
  readonly kind = 'invalid_argument'
}

/** The largest RSA key that gets a certificate. */
const MAX_RSA_BITS = 4096
/** The exponent that every common key generator uses. */
const RSA_EXPONENT = 65_537n

const generateEc = promisify(generate)

/** Generates a key pair off the event loop. */
export async function generateKeyPair(algorithm: KeyAlgorithm = 'ec-p256'): Promise<KeyPair> {
  const { privateKey, publicKey } = await generateOf(algorithm)
  return { privateKey, publicKey, publicKeyDer: exportSpki(publicKey) }
}

function generateOf(algorithm: KeyAlgorithm): Promise<{ privateKey: KeyObject; publicKey: KeyObject }> {
  switch (algorithm) {
    case 'ec-p256':
      return generateEc('ec', { namedCurve: 'prime256v1' })
    case 'ec-p384':
      return generateEc('ec', { namedCurve: 'secp384r1' })
    case 'rsa-2048':
      return generateEc('rsa', { modulusLength: 2048 })
    case 'ed25519':
      return generateEc('ed25519')
  }
}

/** Loads a key pair from a private key. @throws InvalidKeyError unless it is unencrypted PKCS #8 in DER */
export function loadKeyPair(pkcs8Der: Buffer): KeyPair {
  try {
    const privateKey = createPrivateKey({ key: pkcs8Der, format: 'der', type: 'pkcs8' })
    const publicKey = createPublicKey(privateKey)
    return { privateKey, publicKey, publicKeyDer: exportSpki(publicKey) }
  } catch {
    // The error has no cause, because nothing about a private key belongs in a log.
    throw new InvalidKeyError('not a private key in PKCS#8')
  }
}

/** Exports a private key as unencrypted PKCS #8 in DER, as the Workload API delivers it (§5.2.1). */
export function exportPkcs8(privateKey: KeyObject): Buffer {
  return privateKey.export({ format: 'der', type: 'pkcs8' })
}

export function exportSpki(publicKey: KeyObject): Buffer {
  return publicKey.export({ format: 'der', type: 'spki' })
}

/**
 * Parses a public key that is to get a certificate: EC on P-256 or P-384, or RSA with 2048 to 4096
 * bits, in canonical DER.
 * @throws InvalidKeyError
 */
export function parsePublicKey(spki: Buffer): KeyObject {
  const key = importSpki(spki)
  const curve = curveOf(spki)
  if (curve === 'P-256' || curve === 'P-384') return key
  const { modulusLength = 0, publicExponent } = key.asymmetricKeyDetails ?? {}
  if (curve !== undefined) throw new InvalidKeyError('a public key must be EC on P-256 or P-384, or RSA')
  if (modulusLength > MAX_RSA_BITS) {
    throw new InvalidKeyError(`an RSA key must have at most ${MAX_RSA_BITS} bits, not ${modulusLength}`)
  }
  if (publicExponent !== RSA_EXPONENT) throw new InvalidKeyError('an RSA key must have the exponent 65537')
  return key
}

/** Returns the type of a public key; undefined when it is not one of {@link KEY_TYPES}. */
export function keyTypeOf(key: KeyObject, spki: Buffer): KeyType | undefined {
  switch (curveOf(spki)) {
    case 'P-256':
      return 'ec-p256'
    case 'P-384':
      return 'ec-p384'
    default:
      return key.asymmetricKeyDetails?.modulusLength === 2048 ? 'rsa-2048' : undefined
  }
}

/**
 * Imports a public key that validators accept: EC on P-256, P-384 or P-521, or RSA with 2048 to
 * 8192 bits and a safe exponent. Only the canonical encoding is accepted: OpenSSL ignores trailing
 * bytes and reads BER, and two encodings of one key would have two pins.
 * @throws InvalidKeyError
 */
export function importSpki(spki: Buffer): KeyObject {
  const problem = curveOf(spki) === undefined ? rsaProblem(spki) : undefined
  if (problem !== undefined)
    throw new InvalidKeyError('not a public key that is taken here', { detail: problem })
  try {
    return createPublicKey({ key: spki, format: 'der', type: 'spki' })
  } catch (cause) {
    throw new InvalidKeyError('not a public key (SubjectPublicKeyInfo in DER)', { cause })
  }
}

const ED25519_HEAD = Buffer.from('302a300506032b6570032100', 'hex')

/** Imports the Ed25519 key that signs the audit log. @throws InvalidKeyError */
export function importEd25519(spki: Buffer): KeyObject {
  const isPlain = spki.length === ED25519_HEAD.length + 32
  if (!isPlain || !spki.subarray(0, ED25519_HEAD.length).equals(ED25519_HEAD))
    throw new InvalidKeyError('not an Ed25519 public key (SubjectPublicKeyInfo in DER)')
  return createPublicKey({ key: spki, format: 'der', type: 'spki' })
}

/** SHA-256 of a SubjectPublicKeyInfo in hex (64 digits). It is the pin of a root and the ID of a key. */
export function spkiSha256(spki: Buffer): string {
  return hash('sha256', spki, 'hex')
}

const KEY_IDENTIFIER_BYTES = 20

/**
 * Computes a SubjectKeyIdentifier (RFC 7093 §2 method 1): the leftmost 160 bits of the SHA-256 of
 * the BIT STRING's content.
 * @throws InvalidKeyError
 */
export function keyIdentifier(spki: Buffer): Buffer {
  return hash('sha256', subjectPublicKey(spki), 'buffer').subarray(0, KEY_IDENTIFIER_BYTES)
}

function subjectPublicKey(spki: Buffer): Buffer {
  try {
    const reader = new DerReader(spki)
    const info = reader.enter(Tag.sequence)
    reader.end()
    info.read(Tag.sequence)
    const bits = info.readBitString()
    info.end()
    return bits
  } catch (cause) {
    throw new InvalidKeyError('not a public key (SubjectPublicKeyInfo in DER)', { cause })
  }
}
