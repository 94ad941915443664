import { createCipheriv, createDecipheriv, createSecretKey, type KeyObject, randomBytes } from 'node:crypto'
import { CodedError } from '../foundation/errors.ts'
import { InvalidKeyError } from './keys.ts'

/**
 * The sealed bytes do not open with this key: the key or the context is another one, or the bytes
 * were changed. The cipher does not tell which.
 */
export class UnsealError extends CodedError {
  override readonly name = 'UnsealError'
  readonly code = 'ERR_CRYPTO_UNSEAL'
  readonly kind = 'failed_precondition'
}

const ALGORITHM = 'aes-256-gcm'
const KEY_BYTES = 32
const NONCE_BYTES = 12
const TAG_BYTES = 16
/** First octet, so that the format can change one day. */
const VERSION = 1
const HEADER_BYTES = 1 + NONCE_BYTES + TAG_BYTES

/** Loads a key of 32 bytes for AES-256-GCM. @throws InvalidKeyError */
export function loadSealingKey(bytes: Buffer): KeyObject {
  if (bytes.length !== KEY_BYTES) {
    throw new InvalidKeyError(`a sealing key must have exactly ${KEY_BYTES} bytes, not ${bytes.length}`)
  }
  return createSecretKey(bytes)
}

/**
 * Encrypts and authenticates with AES-256-GCM. The context names what is sealed and where it
 * belongs; it is not stored, and opening requires the same context, so that sealed bytes cannot be
 * moved. The nonces are random, which is safe for 2^32 messages with one key (NIST SP 800-38D
 * §8.3).
 */
export function seal(key: KeyObject, plaintext: Buffer, context: string): Buffer {
  const nonce = randomBytes(NONCE_BYTES)
  const cipher = createCipheriv(ALGORITHM, key, nonce, { authTagLength: TAG_BYTES })
  cipher.setAAD(additionalData(context))
  const body = Buffer.concat([cipher.update(plaintext), cipher.final()])
  return Buffer.concat([Buffer.of(VERSION), nonce, cipher.getAuthTag(), body])
}

/** Decrypts what {@link seal} returned for the same context. @throws UnsealError */
export function unseal(key: KeyObject, sealed: Buffer, context: string): Buffer {
  if (sealed.length < HEADER_BYTES) throw new UnsealError('the sealed data is too short')
  if (sealed[0] !== VERSION) throw new UnsealError('the sealed data has an unknown version')
  const nonce = sealed.subarray(1, 1 + NONCE_BYTES)
  const decipher = createDecipheriv(ALGORITHM, key, nonce, { authTagLength: TAG_BYTES })
  decipher.setAAD(additionalData(context))
  decipher.setAuthTag(sealed.subarray(1 + NONCE_BYTES, HEADER_BYTES))
  try {
    return Buffer.concat([decipher.update(sealed.subarray(HEADER_BYTES)), decipher.final()])
  } catch {
    // OpenSSL's message is the same for every reason.
    throw new UnsealError('the sealed data does not open with this key')
  }
}

function additionalData(context: string): Buffer {
  return Buffer.from(`signet sealed ${VERSION}\n${context}`)
}
