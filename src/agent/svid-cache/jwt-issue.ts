import type { Clock } from '../../foundation/clock.ts'
import type { Random } from '../../foundation/random.ts'
import { type JwtSvid, parseJwtSvid } from '../../spiffe/jwt-svid.ts'
import { UnusableSvidError } from './errors.ts'
import { renewalTimeMs } from './renewal-time.ts'
import type { IdentityClaim, SvidIssuer } from './svid-issuer.ts'
import { overBootMs } from './svid-life.ts'

/** A JWT-SVID ready to be sent. */
export interface CachedJwtSvid {
  readonly spiffeId: string
  readonly token: string
  readonly jti: string
  readonly kid: string
  readonly receivedMs: number
  /** When verifiers with the usual leeway start to accept it. */
  readonly notBeforeMs: number
  readonly expiresAtMs: number
  /** See {@link Life}. */
  readonly overBootMs: number
  /** Set to 0 if the token should be replaced at the next request. */
  refreshAtMs: number
}

/** The clock leeway that verifiers commonly allow (RFC 7519 §4.1.5). */
const LEEWAY_SECONDS = 60

export interface JwtIssueDeps {
  readonly issuer: Pick<SvidIssuer, 'issueJwt'>
  readonly clock: Clock
  readonly random: Random
}

/**
 * Requests a token and checks that it has the requested SPIFFE ID and audiences. @throws
 * UnusableSvidError
 */
export async function issueJwtSvid(
  deps: JwtIssueDeps,
  claim: IdentityClaim,
  audiences: readonly string[],
): Promise<CachedJwtSvid> {
  const { token } = await deps.issuer.issueJwt(claim, audiences)
  const receivedMs = deps.clock.now().getTime()
  let svid: JwtSvid
  try {
    svid = parseJwtSvid(token)
  } catch (error) {
    throw new UnusableSvidError('it is not a JWT-SVID', { cause: error })
  }
  const spiffeId = svid.spiffeId.toString()
  if (spiffeId !== claim.spiffeId) throw new UnusableSvidError('it names another SPIFFE ID')
  if (!isSameSet(svid.audience, audiences)) throw new UnusableSvidError('it is for other audiences')
  const expiresAtMs = svid.expiresAt * 1000
  const { nbf, iat } = svid.claims
  const from = [nbf, iat].find((at) => typeof at === 'number') ?? receivedMs / 1000
  const notBeforeMs = (from - LEEWAY_SECONDS) * 1000
  const over = overBootMs({ notBeforeMs, notAfterMs: expiresAtMs }, deps.clock)
  const refreshAtMs = renewalTimeMs(receivedMs, expiresAtMs, deps.random)
  return {
    spiffeId,
    token,
    jti: jtiOf(svid),
    kid: svid.kid,
    receivedMs,
    notBeforeMs,
    expiresAtMs,
    overBootMs: over,
    refreshAtMs,
  }
}

/** The token's `jti`, which the authority sets in every token; empty if absent. */
export function jtiOf({ claims }: JwtSvid): string {
  const { jti } = claims
  return typeof jti === 'string' ? jti : ''
}

function isSameSet(found: readonly string[], asked: readonly string[]): boolean {
  return found.length === asked.length && asked.every((audience) => found.includes(audience))
}
