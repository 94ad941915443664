import { MAX_JWT_SECONDS, MAX_X509_SECONDS } from '../../policy/life.ts'
import { BACKDATE_MS } from '../keys/backdate.ts'
import { SignerExpiredError } from '../keys/errors.ts'

/** Elements of one request; an agent that needs more asks again. */
export const MAX_REQUESTS = 1_000

export interface Lifetime {
  readonly now: number
  readonly notBefore: number
  readonly notAfter: number
}

/**
 * Seconds since 1970. Nothing outlives the key that signs it, whatever was asked for.
 * @throws SignerExpiredError when that key is at its end: nothing is made that is over already.
 */
export function lifetimeOf(
  kind: 'x509' | 'jwt',
  input: {
    readonly nowMs: number
    readonly ttlSeconds: number
    readonly roleMaxTtlSeconds: number | undefined
    readonly signerNotAfter: number
  },
): Lifetime {
  const now = Math.floor(input.nowMs / 1000)
  if (input.signerNotAfter <= now)
    throw new SignerExpiredError('the key that signs has expired: try again later')
  const longest = kind === 'x509' ? MAX_X509_SECONDS : MAX_JWT_SECONDS
  const ttl = Math.min(input.ttlSeconds, input.roleMaxTtlSeconds ?? longest, longest)
  return {
    now,
    notBefore: now - BACKDATE_MS / 1000,
    notAfter: Math.min(now + Math.max(1, Math.floor(ttl)), input.signerNotAfter),
  }
}
