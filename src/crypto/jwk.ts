import { createPublicKey, type KeyObject, type webcrypto } from 'node:crypto'
import { CodedError, messageOf } from '../foundation/errors.ts'
import { decodeBase64Url } from './base64url.ts'
import { exportSpki, importSpki } from './keys.ts'

/** The JSON Web Key is malformed, private, or of an unknown type or curve. */
export class InvalidJwkError extends CodedError {
  override readonly name = 'InvalidJwkError'
  readonly code = 'ERR_CRYPTO_JWK_INVALID'
  readonly kind = 'invalid_argument'
  /**
   * The key may be valid, but its type or curve is unknown. RFC 7517 §5 says to ignore such a key
   * in a set.
   */
  readonly isUnknown: boolean

  constructor(detail: string, isUnknown = false) {
    super('not a public key in JSON', { detail })
    this.isUnknown = isUnknown
  }
}

/** Members with key material by `kty` (RFC 7518 §6), in the order of output. */
const MEMBERS: Readonly<Record<string, readonly string[]>> = {
  EC: ['crv', 'x', 'y'],
  RSA: ['n', 'e'],
}
/** Length of a coordinate in octets, which is always the full length (RFC 7518 §6.2.1.2). */
const COORDINATE_BYTES: Readonly<Record<string, number>> = {
  'P-256': 32,
  'P-384': 48,
  'P-521': 66,
}
const PRIVATE_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k']

/** Converts a SubjectPublicKeyInfo to a JWK with `kty` and the key material only. */
export function exportJwk(publicKeyDer: Buffer): Record<string, string> {
  const all = importSpki(publicKeyDer).export({ format: 'jwk' }) as Record<string, string>
  const kty = all['kty'] ?? ''
  const members = (MEMBERS[kty] ?? []).map((name) => [name, all[name] ?? ''])
  return { kty, ...Object.fromEntries(members) }
}

/**
 * Converts a public JWK (RFC 7517) to a SubjectPublicKeyInfo. Other members are ignored.
 * @throws InvalidJwkError
 */
export function importJwk(jwk: Record<string, unknown>): Buffer {
  const kty = jwk['kty']
  if (typeof kty !== 'string') throw new InvalidJwkError('it has no kty')
  const names = Object.hasOwn(MEMBERS, kty) ? MEMBERS[kty] : undefined
  if (names === undefined) throw new InvalidJwkError('its kty is not known', true)
  if (PRIVATE_MEMBERS.some((name) => Object.hasOwn(jwk, name)))
    throw new InvalidJwkError('it holds a private key')
  const members: Record<string, string> = { kty }
  for (const name of names) members[name] = memberOf(jwk, name)
  if (kty !== 'RSA') checkCoordinates(members)
  const spki = exportSpki(importKey(members))
  try {
    importSpki(spki)
  } catch (error) {
    throw new InvalidJwkError(messageOf(error))
  }
  return spki
}

function memberOf(jwk: Record<string, unknown>, name: string): string {
  const value = jwk[name]
  if (typeof value !== 'string') throw new InvalidJwkError(`it has no ${name}`)
  if (name !== 'crv') {
    const bytes = decodeBase64Url(value)
    if (bytes === undefined || bytes.length === 0) throw new InvalidJwkError(`its ${name} is not base64url`)
  }
  return value
}

function checkCoordinates(members: Record<string, string>): void {
  const { crv = '', x = '', y = '' } = members
  const length = Object.hasOwn(COORDINATE_BYTES, crv) ? COORDINATE_BYTES[crv] : undefined
  if (length === undefined) throw new InvalidJwkError('its curve is not known', true)
  for (const coordinate of [x, y]) {
    if (Buffer.byteLength(coordinate, 'base64url') !== length) {
      throw new InvalidJwkError('a coordinate does not have the length of the field')
    }
  }
}

function importKey(members: webcrypto.JsonWebKey): KeyObject {
  try {
    return createPublicKey({ key: members, format: 'jwk' })
  } catch {
    throw new InvalidJwkError('its numbers are no key')
  }
}
