import { hash, type KeyObject } from 'node:crypto'
import { type ParsedJws, parseJws, verifyJws } from '../crypto/jws.ts'
import { SharedLru } from '../foundation/shared-lru.ts'
import type { Bundle } from './bundle.ts'
import { InvalidJwtSvidError, type JwtSvid, type ReadJwtSvid, readJwtSvid } from './jwt-svid-claims.ts'

export { InvalidJwtSvidError, type JwtSvid } from './jwt-svid-claims.ts'

/**
 * Reads a JWT-SVID without verifying anything about it: for showing, never for believing.
 * @throws InvalidJwtSvidError
 */
export function parseJwtSvid(token: string): JwtSvid {
  return publicPart(readJwtSvid(parse(token)))
}

/** What clocks of other hosts may be off by (RFC 7519 §4.1.4, §4.1.5; JWT-SVID §3.3): as much as go-spiffe allows. */
const LEEWAY_SECONDS = 60

/**
 * Compares `exp` and `nbf`, each with the leeway; refused when the time cannot be compared.
 * @throws InvalidJwtSvidError
 */
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

/**
 * The same for a token of which nothing else is looked at: for showing.
 * @throws InvalidJwtSvidError
 */
export function checkJwtSvidTime(token: string, nowSeconds: number): void {
  checkTime(readJwtSvid(parse(token)), nowSeconds)
}

/** A token whose signature was verified, and the key that did it. */
interface Verified {
  readonly svid: ReadJwtSvid
  readonly key: KeyObject
  /** That it takes to remember it. */
  readonly bytes: number
}

export interface JwtSvidValidation {
  readonly audience: string
  readonly nowSeconds: number
  /** The bundle of a trust domain's bare name; undefined where there is none for the caller. */
  readonly bundleFor: (trustDomain: string) => Bundle | undefined
  /** For whom, where several users share a validator: none pushes out what another had verified. */
  readonly user?: number
}

/** Of tokens of the usual length so many are remembered as one may meet in a minute. */
const CACHE_BYTES = 24 * 1024 * 1024
/** What a token takes that is remembered: its claims as objects, and an answer that is made of them. */
const BYTES_A_CHARACTER = 6
const BYTES_A_TOKEN = 512

/**
 * Validates JWT-SVIDs (§4, §5; Workload API §6.2.3). Tokens come again and again, and verifying a signature costs more than all the
 * rest, so the last ones that were verified are remembered, by their hash. Everything that may change meanwhile is looked at
 * each time: the clock, the audience, and whether the bundle still holds that key under that name.
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
    // A bundle speaks for its own trust domain only (Trust Domain and Bundle §3), whoever looked it up.
    if (bundle?.trustDomain !== svid.spiffeId.trustDomain) throw new InvalidJwtSvidError('no_bundle')
    const key = bundle.jwtAuthorities.get(svid.kid)
    if (key === undefined) throw new InvalidJwtSvidError('unknown_key')

    if (known !== undefined && (known.key === key || known.key.equals(key))) return publicPart(svid)
    if (!verifyJws(parsed ?? parse(token), svid.alg, key)) throw new InvalidJwtSvidError('signature')
    freeze(svid.claims) // several callers get the same object
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

/** The nesting is limited where the JSON is read. */
function freeze(value: unknown): void {
  if (typeof value !== 'object' || value === null) return
  Object.freeze(value)
  for (const each of Object.values(value)) freeze(each)
}
