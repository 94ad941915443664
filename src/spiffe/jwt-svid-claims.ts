import type { JwsAlgorithm, ParsedJws } from '../crypto/jws.ts'
import { CodedError } from '../foundation/errors.ts'
import { SpiffeId } from './spiffe-id.ts'

type JwtSvidProblem =
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
 * The token is not a JWT-SVID, or is not valid for this audience at this time. Peers do not learn
 * the reason. The error never contains the token.
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

/** A JWT-SVID as {@link readJwtSvid} returns it: with its algorithm and the start of its validity. */
export interface ReadJwtSvid extends JwtSvid {
  readonly alg: JwsAlgorithm
  /**
   * `nbf` in seconds since 1970, or -Infinity without one. `iat` only says when the token was made
   * and is not checked (RFC 7519 §4.1.6).
   */
  readonly notBefore: number
}

/** JWT-SVID §2.1: these nine, case-sensitive. `none`, HMAC and EdDSA are refused. */
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
/** JWT-SVID §2: no other member is allowed, in particular none that carries a key. */
const HEADER_MEMBERS: ReadonlySet<string> = new Set(['alg', 'kid', 'typ'])

/**
 * Reads the header and the claims. The algorithm is checked before anything else, as the
 * specification warns (§2.1). Times are not compared and the signature is not verified.
 * @throws InvalidJwtSvidError
 */
export function readJwtSvid({ header, claims }: ParsedJws): ReadJwtSvid {
  const { alg, kid, typ } = header
  if (!ALGORITHMS.has(alg)) throw new InvalidJwtSvidError('algorithm')
  if (!Object.keys(header).every((name) => HEADER_MEMBERS.has(name))) throw new InvalidJwtSvidError('header')
  if (typ !== undefined && typ !== 'JWT' && typ !== 'JOSE') throw new InvalidJwtSvidError('type') // §2.3
  // The standard makes it optional (§2.2), but every other implementation requires it, and trying
  // every key in turn is no safe alternative.
  if (typeof kid !== 'string' || kid === '') throw new InvalidJwtSvidError('key_id')
  if (!isPortableJson(claims))
    throw new InvalidJwtSvidError('claims', { because: 'one has a value that some JSON readers reject' })
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

/** §3.1: the SPIFFE ID of a workload, which always has a path. */
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

/** §3.2: one or more audiences; a single one may be a plain string (RFC 7519 §4.1.3). */
function audienceOf(aud: unknown): readonly string[] {
  const list: readonly unknown[] = Array.isArray(aud) ? aud : [aud]
  const isSound = list.length > 0 && list.every((each) => typeof each === 'string' && each !== '')
  if (!isSound) throw new InvalidJwtSvidError('audience')
  return list as readonly string[]
}

/**
 * Whether every JSON and protobuf reader can represent the value. `1e400` is not a number to them
 * and a lone surrogate is not text, and most then reject the whole message. The JSON reader limits
 * the depth.
 */
export function isPortableJson(value: unknown): boolean {
  if (typeof value === 'string') return value.isWellFormed()
  if (typeof value === 'number') return Number.isFinite(value)
  if (typeof value !== 'object' || value === null) return true
  if (Array.isArray(value)) return value.every(isPortableJson)
  for (const [name, each] of Object.entries(value))
    if (!name.isWellFormed() || !isPortableJson(each)) return false
  return true
}

/** 9999-12-31T23:59:59Z; a later time is a mistake, such as milliseconds. */
const LATEST = 253_402_300_799

/** Reads a NumericDate (RFC 7519 §2), in seconds since 1970. */
function momentOf(value: unknown): number {
  if (typeof value !== 'number' || !(value >= 0) || value > LATEST) throw new InvalidJwtSvidError('claims')
  return value
}
