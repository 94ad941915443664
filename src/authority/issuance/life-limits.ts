import { MAX_JWT_SECONDS, MAX_X509_SECONDS } from '../../policy/life.ts'
import { BACKDATE_MS } from '../keys/backdate.ts'
import { SignerExpiredError } from '../keys/errors.ts'

/** Elements per request. An agent that needs more sends several requests. */
export const MAX_REQUESTS = 1_000

interface Lifetime {
  readonly now: number
  readonly notBefore: number
  readonly notAfter: number
}

/**
 * Computes the times of an SVID in seconds since 1970. An SVID never outlives the key that signs it.
 *
 * @throws SignerExpiredError when that key has expired
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
