import { InvalidJwkError, importJwk } from '../crypto/jwk.ts'
import { isJsonObject, type JsonObject, parseJsonObject } from '../crypto/strict-json.ts'
import { type Certificate, parseCertificate } from '../crypto/x509.ts'
import { readingProblem } from '../crypto/x509-readable.ts'
import { CodedError, messageOf } from '../foundation/errors.ts'
import type { BundleContents } from './bundle.ts'

/** The document is not a SPIFFE bundle. A reader that has an older bundle keeps it. */
export class InvalidBundleError extends CodedError {
  override readonly name = 'InvalidBundleError'
  readonly code = 'ERR_SPIFFE_BUNDLE_INVALID'
  readonly kind = 'invalid_argument'

  constructor(detail: string, options?: ErrorOptions) {
    super('not a SPIFFE bundle', { ...options, detail })
  }
}

/** Room for more than ten thousand keys; real bundles have fewer than a hundred. */
const MAX_BUNDLE_BYTES = 4 * 1024 * 1024
const MAX_SEQUENCE = 2n ** 64n - 1n
const MAX_REFRESH_HINT = 2 ** 31 - 1
/**
 * How many skipped parts are recorded. A bundle of invalid keys must not fill the memory of every
 * agent.
 */
export const MAX_NOTED = 64

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

/** A part of a bundle that is not used. */
export interface SkippedPart {
  /** `key 3`, counted from zero, or the name of a member. */
  readonly where: string
  readonly reason: string
  /**
   * True if its use or key type is not known to this version (§4.2). Otherwise it is invalid, or
   * some clients could not read it.
   */
  readonly isUnknown: boolean
}

interface ParsedBundle extends BundleContents {
  readonly skippedParts: readonly SkippedPart[]
}

/** Why a part is not used. */
type Skip = Omit<SkippedPart, 'where'>

const skip = (reason: string, isUnknown = false): Skip => ({ reason, isUnknown })

/**
 * Reads a bundle document (SPIFFE Trust Domain and Bundle §4). Keys are judged one by one. A key of
 * an unknown kind is skipped (§4.2); so is one that is invalid or that some clients could not read,
 * because most clients would refuse the whole bundle for it.
 * @throws InvalidBundleError if the document as a whole is not a bundle
 */
export function parseBundle(json: Buffer | string): ParsedBundle {
  if (json.length > MAX_BUNDLE_BYTES) throw new InvalidBundleError('it is too large')
  const faults = new Map<string, string>()
  const document = parseDocument(json, faults)
  const keys = document['keys']
  // Absent is not the same as empty (§4.1.3).
  if (!Array.isArray(keys)) throw new InvalidBundleError('it has no list of keys')
  const skippedParts: SkippedPart[] = []
  const note = (where: string, skipped: Skip | undefined): void => {
    if (skipped !== undefined && skippedParts.length < MAX_NOTED) skippedParts.push({ where, ...skipped })
  }
  const x509Authorities = new Map<string, Buffer>()
  const jwtAuthorities = new Map<string, Buffer>()
  for (const [index, jwk] of keys.entries()) {
    const where = keyAt(index)
    const fault = faults.get(where)
    note(where, fault === undefined ? addKey(jwk, x509Authorities, jwtAuthorities) : skip(fault))
  }
  const contents: Mutable<ParsedBundle> = {
    x509Authorities: [...x509Authorities.values()],
    jwtAuthorities: Array.from(jwtAuthorities, ([kid, publicKeyDer]) => ({ kid, publicKeyDer })),
    skippedParts,
  }
  const sequence = integerOf(document['spiffe_sequence'], MAX_SEQUENCE)
  if (typeof sequence === 'bigint') contents.sequence = sequence
  else note('spiffe_sequence', sequence)
  const hint = integerOf(document['spiffe_refresh_hint'], BigInt(MAX_REFRESH_HINT))
  if (typeof hint === 'bigint') contents.refreshHintSeconds = Number(hint)
  else note('spiffe_refresh_hint', hint)
  return contents
}

function addKey(jwk: unknown, x509: Map<string, Buffer>, jwt: Map<string, Buffer>): Skip | undefined {
  if (!isJsonObject(jwk)) return skip('it is not an object')
  if (jwk['use'] === 'x509-svid') return addX509Authority(jwk, x509)
  if (jwk['use'] === 'jwt-svid') return addJwtAuthority(jwk, jwt)
  return skip('its use is not known', true)
}

function keyAt(index: number | string | undefined): string {
  return `key ${index}`
}

/** Parses the JSON. A fault inside one key is recorded for that key only. */
function parseDocument(json: Buffer | string, faults: Map<string, string>): JsonObject {
  try {
    return parseJsonObject(json, {
      bigints: true,
      tolerate: ([member, index, ...inside], message) => {
        if (member !== 'keys' || index === undefined || inside.length === 0) return false
        faults.set(keyAt(index), message)
        return true
      },
    })
  } catch (cause) {
    throw new InvalidBundleError(messageOf(cause), { cause })
  }
}

/** X509-SVID §6.2: a key without a certificate is skipped; of several certificates the first counts. */
function addX509Authority(jwk: JsonObject, into: Map<string, Buffer>): Skip | undefined {
  const x5c = jwk['x5c']
  const key = publicKeyOf(jwk)
  if (!Buffer.isBuffer(key)) return key
  if (x5c === undefined || (Array.isArray(x5c) && x5c.length === 0))
    return skip('it has no certificate', true)
  const first: unknown = Array.isArray(x5c) ? x5c[0] : undefined
  if (typeof first !== 'string') return skip('its x5c is not a list of certificates')
  const der = Buffer.from(first, 'base64')
  // RFC 7517 §4.7: Base64 as in RFC 4648 §4, padded, without line breaks.
  if (der.toString('base64') !== first) return skip('its certificate is not in Base64')
  const certificate = certificateOf(der)
  if ('reason' in certificate) return certificate
  // RFC 7517 §4.7
  if (!certificate.publicKeyDer.equals(key)) return skip('it is not the key in its certificate')
  if (!certificate.isCa) return skip('its certificate is not that of a CA') // no anchor (§6.1)
  const problem = readingProblem(certificate)
  if (problem !== undefined) return skip(`not every client can read its certificate: ${problem}`)
  const name = der.toString('latin1')
  if (into.has(name)) return skip('its certificate is a duplicate', true)
  into.set(name, der)
  return undefined
}

/**
 * The same key may appear twice. Two keys with one kid may not, because readers differ in which
 * they take.
 */
function addJwtAuthority(jwk: JsonObject, into: Map<string, Buffer>): Skip | undefined {
  const publicKeyDer = publicKeyOf(jwk)
  if (!Buffer.isBuffer(publicKeyDer)) return publicKeyDer
  const kid = jwk['kid']
  if (typeof kid !== 'string' || kid === '') return skip('it has no kid') // JWT-SVID §6.1
  if (!kid.isWellFormed()) return skip('its kid is not Unicode')
  const before = into.get(kid)
  if (before !== undefined) {
    const isSame = before.equals(publicKeyDer)
    return skip(isSame ? 'it is a duplicate' : 'an earlier key has the same kid', isSame)
  }
  into.set(kid, publicKeyDer)
  return undefined
}

function publicKeyOf(jwk: JsonObject): Buffer | Skip {
  try {
    return importJwk(jwk)
  } catch (error) {
    return skip(messageOf(error), error instanceof InvalidJwkError && error.isUnknown)
  }
}

function certificateOf(der: Buffer): Certificate | Skip {
  try {
    return parseCertificate(der)
  } catch (error) {
    return skip(`its certificate cannot be read: ${messageOf(error)}`)
  }
}

function integerOf(value: unknown, largest: bigint): bigint | Skip | undefined {
  if (value === undefined) return undefined
  const integer =
    typeof value === 'bigint' ? value : Number.isSafeInteger(value) ? BigInt(value as number) : undefined
  if (integer === undefined || integer < 0n || integer > largest)
    return skip('it is not a whole number in range')
  return integer
}
