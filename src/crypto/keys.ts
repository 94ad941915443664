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

/** What SVIDs and the keys that sign JWT-SVIDs are made of: kinds that every client and relying party of SPIFFE reads. */
export const KEY_TYPES = ['ec-p256', 'ec-p384', 'rsa-2048'] as const
export type KeyType = (typeof KEY_TYPES)[number]
export type KeyAlgorithm = KeyType | 'ed25519'

export interface KeyPair {
  readonly privateKey: KeyObject
  readonly publicKey: KeyObject
  /** SubjectPublicKeyInfo. */
  readonly publicKeyDer: Buffer
}

/** Not a key, or not one that this program accepts. Never holds the key itself. */
export class InvalidKeyError extends CodedError {
  override readonly name = 'InvalidKeyError'
  readonly code = 'ERR_CRYPTO_KEY_INVALID'
  readonly kind = 'invalid_argument'
}

/** How long a key on each curve is when the curve is named: one whose curve is spelled out has the same name for OpenSSL. */
const CURVE_KEY_BYTES: ReadonlyMap<string | undefined, number> = new Map([
  ['prime256v1', 91],
  ['secp384r1', 120],
])
const RSA_BITS = { least: 2048, most: 4096 }
/** The exponent of every key generator in use; others are odd at best, and 1 makes a signature of anything. */
const RSA_EXPONENT = 65_537n

const generateEc = promisify(generate)

/** Makes a key off the event loop. */
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

/** @throws InvalidKeyError when the bytes are no unencrypted PKCS#8 */
export function loadKeyPair(pkcs8Der: Buffer): KeyPair {
  try {
    const privateKey = createPrivateKey({ key: pkcs8Der, format: 'der', type: 'pkcs8' })
    const publicKey = createPublicKey(privateKey)
    return { privateKey, publicKey, publicKeyDer: exportSpki(publicKey) }
  } catch {
    // OpenSSL's words add nothing, and no cause: nothing about a private key belongs into a log.
    throw new InvalidKeyError('not a private key in PKCS#8')
  }
}

/** Unencrypted PKCS#8, as the Workload API hands it out (§5.2.1). */
export function exportPkcs8(privateKey: KeyObject): Buffer {
  return privateKey.export({ format: 'der', type: 'pkcs8' })
}

export function exportSpki(publicKey: KeyObject): Buffer {
  return publicKey.export({ format: 'der', type: 'spki' })
}

/**
 * A public key to be certified: EC on P-256 or P-384, or RSA of 2048 to 4096 bits, in the one encoding that DER has for it.
 * @throws InvalidKeyError
 */
export function parsePublicKey(spki: Buffer): KeyObject {
  const key = importSpki(spki)
  if (isUncompressedP256(spki)) return key
  const details = key.asymmetricKeyDetails
  if (key.asymmetricKeyType === 'ec' && CURVE_KEY_BYTES.get(details?.namedCurve) === spki.length) return key
  if (key.asymmetricKeyType === 'rsa') {
    const bits = details?.modulusLength ?? 0
    if (bits < RSA_BITS.least || bits > RSA_BITS.most) {
      throw new InvalidKeyError(
        `an RSA key must have ${RSA_BITS.least} to ${RSA_BITS.most} bits, not ${bits}`,
      )
    }
    if (details?.publicExponent !== RSA_EXPONENT)
      throw new InvalidKeyError('an RSA key must have the exponent 65537')
    return key
  }
  throw new InvalidKeyError('a public key must be EC on P-256 or P-384, or RSA')
}

/** The type of the key in these bytes; undefined for one of any other kind or size. */
export function keyTypeOf(key: KeyObject, spki: Buffer): KeyType | undefined {
  if (isUncompressedP256(spki)) return 'ec-p256'
  const { namedCurve, modulusLength } = key.asymmetricKeyDetails ?? {}
  if (key.asymmetricKeyType === 'rsa') return modulusLength === 2048 ? 'rsa-2048' : undefined
  return namedCurve === 'secp384r1' ? 'ec-p384' : undefined
}

/** Any public key OpenSSL knows, if its bytes are exactly what OpenSSL would write. */
export function importSpki(spki: Buffer): KeyObject {
  let key: KeyObject
  try {
    key = createPublicKey({ key: spki, format: 'der', type: 'spki' })
  } catch (cause) {
    throw new InvalidKeyError('not a public key (SubjectPublicKeyInfo in DER)', { cause })
  }
  // OpenSSL overlooks trailing bytes and BER; two encodings of one key are two pins.
  if (!isUncompressedP256(spki) && !exportSpki(key).equals(spki))
    throw new InvalidKeyError('the public key is not in its canonical encoding')
  return key
}

/** DER of a key on P-256 as far as the 64 bytes of its point: whatever has this and that length can be written in no other way. */
const P256_HEAD = Buffer.from('3059301306072a8648ce3d020106082a8648ce3d03010703420004', 'hex')
const P256_BYTES = P256_HEAD.length + 64

/** The usual case, known by its bytes alone: exporting the key again to compare, or asking what it is, costs more than all else about it. */
function isUncompressedP256(spki: Buffer): boolean {
  return spki.length === P256_BYTES && spki.compare(P256_HEAD, 0, P256_HEAD.length, 0, P256_HEAD.length) === 0
}

/** 64 hexadecimal digits: the pin of a root, the name of a key. */
export function spkiSha256(spki: Buffer): string {
  return hash('sha256', spki, 'hex')
}

const KEY_IDENTIFIER_BYTES = 20

/**
 * RFC 7093 §2 method 1: the leftmost 160 bits of the SHA-256 of the BIT STRING's content, for the SubjectKeyIdentifier.
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
