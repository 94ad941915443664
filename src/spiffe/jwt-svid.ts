import { hash, type KeyObject } from 'node:crypto'
import { type ParsedJws, parseJws, verifyJws } from '../crypto/jws.ts'
import { SharedLru } from '../foundation/shared-lru.ts'
import type { Bundle } from './bundle.ts'
import { InvalidJwtSvidError, type JwtSvid, type ReadJwtSvid, readJwtSvid } from './jwt-svid-claims.ts'

export { InvalidJwtSvidError, type JwtSvid } from './jwt-svid-claims.ts'

/** Reads a JWT-SVID without verifying it, for display only. @throws InvalidJwtSvidError */
export function parseJwtSvid(token: string): JwtSvid {
  return publicPart(readJwtSvid(parse(token)))
}

/**
 * Allowance for clock skew between hosts (RFC 7519 §4.1.4, §4.1.5; JWT-SVID §3.3), the same as
 * go-spiffe's.
 */
const LEEWAY_SECONDS = 60

/** Checks `exp` and `nbf`, each with the leeway. NaN never passes. @throws InvalidJwtSvidError */
function checkTime({ expiresAt, notBefore }: ReadJwtSvid, nowSeconds: number): void {
  if (!(nowSeconds < expiresAt + LEEWAY_SECONDS)) {
    throw new InvalidJwtSvidError('expired', { because: `exp was ${secondsOf(nowSeconds - expiresAt)} ago` })
  }
  if (!(nowSeconds >= notBefore - LEEWAY_SECONDS)) {
    throw new InvalidJwtSvidError('not_yet_valid', {
      because: `nbf is in ${secondsOf(notBefore - nowSeconds)}: is a clock wrong?`,
    })
  }
}

function secondsOf(seconds: number): string {
  return `${Math.ceil(seconds)} s`
}

/** Checks only the times of a token, for display. @throws InvalidJwtSvidError */
export function checkJwtSvidTime(token: string, nowSeconds: number): void {
  checkTime(readJwtSvid(parse(token)), nowSeconds)
}

/** A token whose signature was verified, and the key that verified it. */
interface Verified {
  readonly svid: ReadJwtSvid
  readonly key: KeyObject
  /** Its estimated size in the cache. */
  readonly bytes: number
}

interface JwtSvidValidation {
  readonly audience: string
  readonly nowSeconds: number
  /** Finds the bundle of a trust domain by its bare name; undefined if the caller has none. */
  readonly bundleFor: (trustDomain: string) => Bundle | undefined
  /**
   * The uid for whom the token is validated, if several users share the validator. Each user has
   * its own share of the cache.
   */
  readonly user?: number
}

/** Enough for the tokens of usual length that an agent may see in a minute. */
const CACHE_BYTES = 24 * 1024 * 1024
/** Estimated cost of a cached token: its claims as objects, and the response built from them. */
const BYTES_A_CHARACTER = 6
const BYTES_A_TOKEN = 512

/**
 * Validates JWT-SVIDs (JWT-SVID §4, §5; Workload API §6.2.3). Most tokens are presented again and
 * again, and verifying the signature is the most expensive step, so recent verifications are cached
 * by the token's hash. Whatever can change is checked every time: the times, the audience, and that
 * the bundle still has that key under that kid.
 */
export class JwtSvidValidator {
  readonly #verified: SharedLru<number, Verified>

  constructor(options: { readonly cacheBytes?: number } = {}) {
    this.#verified = new SharedLru(options.cacheBytes ?? CACHE_BYTES, {
      sizeOf: (_digest, { bytes }) => bytes,
    })
  }

  /** @throws InvalidJwtSvidError */
  validate(token: string, input: JwtSvidValidation): JwtSvid {
    const { audience, nowSeconds, bundleFor, user = 0 } = input
    const digest = hash('sha256', token, 'base64')
    const known = this.#verified.get(digest, user)
    const parsed = known === undefined ? parse(token) : undefined
    const svid = known?.svid ?? readJwtSvid(parsed as ParsedJws)

    checkTime(svid, nowSeconds)
    if (!svid.audience.includes(audience)) throw new InvalidJwtSvidError('audience')
    const bundle = bundleFor(svid.spiffeId.trustDomain)
    // A bundle is valid for its own trust domain only (Trust Domain and Bundle §3), whatever the
    // lookup returned.
    if (bundle?.trustDomain !== svid.spiffeId.trustDomain) throw new InvalidJwtSvidError('no_bundle')
    const key = bundle.jwtAuthorities.get(svid.kid)
    if (key === undefined) throw new InvalidJwtSvidError('unknown_key')

    if (known !== undefined && (known.key === key || known.key.equals(key))) return publicPart(svid)
    if (!verifyJws(parsed ?? parse(token), svid.alg, key)) throw new InvalidJwtSvidError('signature')
    freeze(svid.claims) // shared between callers
    const bytes = BYTES_A_TOKEN + BYTES_A_CHARACTER * token.length
    this.#verified.set(digest, { svid, key, bytes }, user)
    return publicPart(svid)
  }
}

function parse(token: string): ParsedJws {
  try {
    return parseJws(token)
  } catch (cause) {
    throw new InvalidJwtSvidError('malformed', { cause })
  }
}

function publicPart({ spiffeId, audience, expiresAt, claims, kid }: ReadJwtSvid): JwtSvid {
  return { spiffeId, audience, expiresAt, claims, kid }
}

/** Recursion is safe: the JSON reader limits the depth. */
function freeze(value: unknown): void {
  if (typeof value !== 'object' || value === null) return
  Object.freeze(value)
  for (const each of Object.values(value)) freeze(each)
}
