import type { IdentityExplanation } from './grant.ts'

/** What else than its own `ttl` bounds the life of an SVID. */
export interface LifeLimits {
  /** Where a workload identity states none. */
  readonly defaultX509Seconds: number
  readonly defaultJwtSeconds: number
  /** Of the roles that grant it. */
  readonly roleMaxTtlSeconds?: number | undefined
  /** Ends of the keys that sign now. */
  readonly x509SignerEndMs?: number | undefined
  readonly jwtSignerEndMs?: number | undefined
}

/** The life that an SVID would have, and what bounds it. */
export interface ExplainedLife {
  readonly seconds: number
  readonly boundBy: string
}

/** Whatever is asked for: longer than this is not short-lived any more, and a JWT-SVID cannot be taken back at all. */
export const MAX_X509_SECONDS = 90 * 24 * 3600
export const MAX_JWT_SECONDS = 24 * 3600

/** The same with the lives that its SVIDs would have if they were issued now. */
export function withLives(
  explained: IdentityExplanation,
  limits: LifeLimits,
  nowMs: number,
): IdentityExplanation {
  if (!explained.granted) return explained
  const { x509Ttl, jwtTtl } = explained
  const { roleMaxTtlSeconds, defaultX509Seconds, defaultJwtSeconds } = limits
  const bounds = (own: number | undefined, usual: number, longest: number, signerEndMs?: number) => [
    own === undefined ? { seconds: usual, boundBy: 'the default' } : { seconds: own, boundBy: 'its ttl' },
    { seconds: roleMaxTtlSeconds ?? Infinity, boundBy: 'max_ttl of a role' },
    { seconds: longest, boundBy: 'the longest that there is' },
    {
      seconds: signerEndMs === undefined ? Infinity : Math.max(0, Math.floor((signerEndMs - nowMs) / 1000)),
      boundBy: 'the end of the key that signs',
    },
  ]
  return {
    ...explained,
    x509Life: shortest(bounds(x509Ttl, defaultX509Seconds, MAX_X509_SECONDS, limits.x509SignerEndMs)),
    jwtLife: shortest(bounds(jwtTtl, defaultJwtSeconds, MAX_JWT_SECONDS, limits.jwtSignerEndMs)),
  }
}

function shortest(bounds: readonly ExplainedLife[]): ExplainedLife {
  return bounds.reduce((least, each) => (each.seconds < least.seconds ? each : least))
}
