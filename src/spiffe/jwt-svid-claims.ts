import type { JwsAlgorithm, ParsedJws } from '../crypto/jws.ts'
import { CodedError } from '../foundation/errors.ts'
import { SpiffeId } from './spiffe-id.ts'

export type JwtSvidProblem =
  | 'malformed'
  | 'algorithm'
  | 'header'
  | 'type'
  | 'key_id'
  | 'subject'
  | 'audience'
  | 'claims'
  | 'expired'
  | 'not_yet_valid'
  | 'no_bundle'
  | 'unknown_key'
  | 'signature'

/**
 * The token is no JWT-SVID, or is not valid for this audience at this time. Peers are not told why; it never
 * holds the token.
 */
export class InvalidJwtSvidError extends CodedError {
  override readonly name = 'InvalidJwtSvidError'
  readonly code = 'ERR_SPIFFE_JWT_SVID_INVALID'
  readonly kind = 'invalid_argument'
  readonly reason: JwtSvidProblem

  constructor(reason: JwtSvidProblem, options?: ErrorOptions & { readonly because?: string }) {
    const because = options?.because
    const detail = because === undefined ? reason : `${reason} (${because})`
    super('the JWT-SVID is not valid', { ...options, detail })
    this.reason = reason
  }
}

export interface JwtSvid {
  readonly spiffeId: SpiffeId
  readonly audience: readonly string[]
  /** Seconds since 1970. */
  readonly expiresAt: number
  readonly claims: Record<string, unknown>
  readonly kid: string
}

/** What {@link readJwtSvid} found: the token, how it is signed, and from when on it counts. */
export interface ReadJwtSvid extends JwtSvid {
  readonly alg: JwsAlgorithm
  /** `nbf`; -Infinity without. `iat` says when it was made and decides nothing (RFC 7519 §4.1.6). */
  readonly notBefore: number
}

/** JWT-SVID §2.1: these nine, case-sensitive; neither `none` nor a shared secret nor EdDSA. */
const ALGORITHMS: ReadonlySet<unknown> = new Set<JwsAlgorithm>([
  'RS256',
  'RS384',
  'RS512',
  'ES256',
  'ES384',
  'ES512',
  'PS256',
  'PS384',
  'PS512',
])
/** JWT-SVID §2: nothing else, above all nothing that brings a key along. */
const HEADER_MEMBERS: ReadonlySet<string> = new Set(['alg', 'kid', 'typ'])

/**
 * Reads the header, in the order of the specification's own warning (§2.1: the algorithm before anything else), and the claims.
 * No time is compared and no signature verified.
 * @throws InvalidJwtSvidError
 */
export function readJwtSvid({ header, claims }: ParsedJws): ReadJwtSvid {
  const { alg, kid, typ } = header
  if (!ALGORITHMS.has(alg)) throw new InvalidJwtSvidError('algorithm')
  if (!Object.keys(header).every((name) => HEADER_MEMBERS.has(name))) throw new InvalidJwtSvidError('header')
  if (typ !== undefined && typ !== 'JWT' && typ !== 'JOSE') throw new InvalidJwtSvidError('type') // §2.3
  // Optional in the standard (§2.2), but every other implementation asks for it, and guessing among keys helps nobody.
  if (typeof kid !== 'string' || kid === '') throw new InvalidJwtSvidError('key_id')
  if (!isSayable(claims))
    throw new InvalidJwtSvidError('claims', { because: 'one has no JSON that every reader takes' })
  const { nbf } = claims
  return {
    alg: alg as JwsAlgorithm,
    kid,
    claims,
    spiffeId: subjectOf(claims['sub']),
    audience: audienceOf(claims['aud']),
    expiresAt: momentOf(claims['exp']),
    notBefore: nbf === undefined ? Number.NEGATIVE_INFINITY : momentOf(nbf),
  }
}

/** §3.1: the workload's SPIFFE ID, so it has a path. */
function subjectOf(sub: unknown): SpiffeId {
  if (typeof sub !== 'string') throw new InvalidJwtSvidError('subject')
  let id: SpiffeId
  try {
    id = SpiffeId.parse(sub)
  } catch (cause) {
    throw new InvalidJwtSvidError('subject', { cause })
  }
  if (id.path === '') throw new InvalidJwtSvidError('subject')
  return id
}

/** §3.2: one or more; a single one may stand alone (RFC 7519 §4.1.3). */
function audienceOf(aud: unknown): readonly string[] {
  const list: readonly unknown[] = Array.isArray(aud) ? aud : [aud]
  const isSound = list.length > 0 && list.every((each) => typeof each === 'string' && each !== '')
  if (!isSound) throw new InvalidJwtSvidError('audience')
  return list as readonly string[]
}

/**
 * Whether every reader of JSON and of protobuf has the value: `1e400` is no number to them, and half of a surrogate pair no text, and most
 * then refuse the whole message. How deep it may be is limited where the JSON is read.
 */
export function isSayable(value: unknown): boolean {
  if (typeof value === 'string') return value.isWellFormed()
  if (typeof value === 'number') return Number.isFinite(value)
  if (typeof value !== 'object' || value === null) return true
  if (Array.isArray(value)) return value.every(isSayable)
  for (const [name, each] of Object.entries(value)) if (!name.isWellFormed() || !isSayable(each)) return false
  return true
}

/** 9999-12-31T23:59:59Z: what is later is a mistake, such as milliseconds. */
const LATEST = 253_402_300_799

/** A NumericDate (RFC 7519 §2). */
function momentOf(value: unknown): number {
  if (typeof value !== 'number' || !(value >= 0) || value > LATEST) throw new InvalidJwtSvidError('claims')
  return value
}
