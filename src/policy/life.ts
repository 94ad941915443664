import type { IdentityExplanation } from './grant.ts'

/** The bounds on an SVID's lifetime besides the identity's own TTL. */
export interface LifeLimits {
  /** The defaults if a workload identity sets no TTL. */
  readonly defaultX509Seconds: number
  readonly defaultJwtSeconds: number
  /** The `max_ttl` of the roles that grant it. */
  readonly roleMaxTtlSeconds?: number | undefined
  /** When the current signing keys expire. */
  readonly x509SignerEndMs?: number | undefined
  readonly jwtSignerEndMs?: number | undefined
}

/** The lifetime that an SVID would have, and what bounds it. */
export interface ExplainedLife {
  readonly seconds: number
  readonly boundBy: string
}

/**
 * The maximum TTLs, whatever is configured: a longer-lived SVID is no longer short-lived, and a
 * JWT-SVID cannot be revoked at all.
 */
export const MAX_X509_SECONDS = 90 * 24 * 3600
export const MAX_JWT_SECONDS = 24 * 3600

/** Adds the lifetimes that the identity's SVIDs would have if they were issued now. */
export function withLives(
  explained: IdentityExplanation,
  limits: LifeLimits,
  nowMs: number,
): IdentityExplanation {
  const { x509Ttl, jwtTtl } = explained
  const { roleMaxTtlSeconds, defaultX509Seconds, defaultJwtSeconds } = limits
  const bounds = (own: number | undefined, usual: number, longest: number, signerEndMs?: number) => [
    own === undefined ? { seconds: usual, boundBy: 'the default' } : { seconds: own, boundBy: 'its ttl' },
    { seconds: roleMaxTtlSeconds ?? Infinity, boundBy: 'max_ttl of a role' },
    { seconds: longest, boundBy: 'the maximum' },
    {
      seconds: signerEndMs === undefined ? Infinity : Math.max(0, Math.floor((signerEndMs - nowMs) / 1000)),
      boundBy: 'the expiry of the signing key',
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
