import { InvalidJwkError, importJwk } from '../crypto/jwk.ts'
import { isJsonObject, type JsonObject, parseJsonObject } from '../crypto/strict-json.ts'
import { type Certificate, parseCertificate } from '../crypto/x509.ts'
import { CodedError, messageOf } from '../foundation/errors.ts'
import type { BundleContents } from './bundle.ts'

/** A document that is no SPIFFE bundle. Whoever has an older one keeps it. */
export class InvalidBundleError extends CodedError {
  override readonly name = 'InvalidBundleError'
  readonly code = 'ERR_SPIFFE_BUNDLE_INVALID'
  readonly kind = 'invalid_argument'

  constructor(detail: string, options?: ErrorOptions) {
    super('not a SPIFFE bundle', { ...options, detail })
  }
}

/** More than ten thousand keys; nobody has a hundred. */
const LARGEST = 4 * 1024 * 1024
const LARGEST_SEQUENCE = 2n ** 64n - 1n
const LONGEST_HINT = 2 ** 31 - 1

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

/**
 * Reads a bundle document (SPIFFE Trust Domain and Bundle §4). Keys whose type or use is not known are passed over (§4.2); known ones
 * that are broken spoil the whole: half of somebody's keys is not what they published.
 * @throws InvalidBundleError
 */
export function parseBundle(json: Buffer | string): BundleContents {
  if (json.length > LARGEST) throw new InvalidBundleError('it is too large')
  const document = parseDocument(json)
  const keys = document['keys']
  if (!Array.isArray(keys)) throw new InvalidBundleError('it has no list of keys') // absent is not empty (§4.1.3)
  const x509Authorities: Buffer[] = []
  const jwtAuthorities: { kid: string; publicKeyDer: Buffer }[] = []
  for (const [index, jwk] of keys.entries()) {
    const where = `key ${index}`
    if (!isJsonObject(jwk)) throw new InvalidBundleError(`${where} is not an object`)
    if (jwk['use'] === 'x509-svid') {
      const der = x509Authority(jwk, where)
      if (der !== undefined) x509Authorities.push(der)
    } else if (jwk['use'] === 'jwt-svid') {
      const authority = jwtAuthority(jwk, where)
      if (authority !== undefined) jwtAuthorities.push(authority)
    }
  }
  const contents: Mutable<BundleContents> = { x509Authorities, jwtAuthorities }
  const sequence = integerOf(document, 'spiffe_sequence', LARGEST_SEQUENCE)
  const hint = integerOf(document, 'spiffe_refresh_hint', BigInt(LONGEST_HINT))
  if (sequence !== undefined) contents.sequence = sequence
  if (hint !== undefined) contents.refreshHintSeconds = Number(hint)
  return contents
}

function parseDocument(json: Buffer | string): JsonObject {
  try {
    return parseJsonObject(json, { bigints: true })
  } catch (cause) {
    throw new InvalidBundleError(messageOf(cause), { cause })
  }
}

/** X509-SVID §6.2: without a certificate the key is passed over; of several the first counts. */
function x509Authority(jwk: JsonObject, where: string): Buffer | undefined {
  const x5c = jwk['x5c']
  const key = publicKeyOf(jwk, where)
  if (key === 'unknown' || x5c === undefined || (Array.isArray(x5c) && x5c.length === 0)) return undefined
  const first: unknown = Array.isArray(x5c) ? x5c[0] : undefined
  if (typeof first !== 'string') throw new InvalidBundleError(`${where} has no certificate in x5c`)
  const der = Buffer.from(first, 'base64')
  // RFC 7517 §4.7: Base64 as in RFC 4648 §4, padded, without line ends.
  if (der.toString('base64') !== first)
    throw new InvalidBundleError(`the certificate of ${where} is not in Base64`)
  const certificate = certificateOf(der, where)
  if (!certificate.publicKeyDer.equals(key)) {
    throw new InvalidBundleError(`${where} is not the key in its certificate`) // RFC 7517 §4.7
  }
  return certificate.isCa ? der : undefined // what is no CA must not become an anchor (§6.1)
}

function jwtAuthority(jwk: JsonObject, where: string): BundleContents['jwtAuthorities'][number] | undefined {
  const publicKeyDer = publicKeyOf(jwk, where)
  if (publicKeyDer === 'unknown') return undefined
  const kid = jwk['kid']
  if (typeof kid !== 'string' || kid === '') throw new InvalidBundleError(`${where} has no kid`) // JWT-SVID §6.1
  return { kid, publicKeyDer }
}

function publicKeyOf(jwk: JsonObject, where: string): Buffer | 'unknown' {
  try {
    return importJwk(jwk)
  } catch (error) {
    if (error instanceof InvalidJwkError && error.isUnknown) return 'unknown'
    throw new InvalidBundleError(`${where}: ${messageOf(error)}`, { cause: error })
  }
}

function certificateOf(der: Buffer, where: string): Certificate {
  try {
    return parseCertificate(der)
  } catch (cause) {
    throw new InvalidBundleError(`the certificate of ${where}: ${messageOf(cause)}`, { cause })
  }
}

function integerOf(document: JsonObject, member: string, largest: bigint): bigint | undefined {
  const value = document[member]
  if (value === undefined) return undefined
  const integer =
    typeof value === 'bigint' ? value : Number.isSafeInteger(value) ? BigInt(value as number) : undefined
  if (integer === undefined || integer < 0n || integer > largest) {
    throw new InvalidBundleError(`its ${member} is not a whole number in range`)
  }
  return integer
}
