import type { Clock } from '../../foundation/clock.ts'
import type { Random } from '../../foundation/random.ts'
import { type JwtSvid, parseJwtSvid } from '../../spiffe/jwt-svid.ts'
import type { IdentityClaim, Issuer } from '../knowledge.ts'
import { UnusableSvidError } from './errors.ts'
import { renewalTimeMs } from './renewal.ts'

/** A JWT-SVID ready to be sent. */
export interface CachedJwtSvid {
  readonly spiffeId: string
  readonly token: string
  readonly kid: string
  readonly receivedMs: number
  readonly expiresAtMs: number
  /** Set to 0 when it should be replaced at the next occasion. */
  refreshAtMs: number
}

export interface JwtIssueDeps {
  readonly issuer: Pick<Issuer, 'issueJwt'>
  readonly clock: Clock
  readonly random: Random
}

/** Asks for a token and checks that it says what was asked for, no more and no less. */
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
  if (expiresAtMs <= receivedMs) throw new UnusableSvidError('it has expired')
  const refreshAtMs = renewalTimeMs(receivedMs, expiresAtMs, deps.random)
  return { spiffeId, token, kid: svid.kid, receivedMs, expiresAtMs, refreshAtMs }
}

function isSameSet(found: readonly string[], asked: readonly string[]): boolean {
  return found.length === asked.length && asked.every((audience) => found.includes(audience))
}
