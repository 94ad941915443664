import { CodedError } from '../foundation/errors.ts'
import { TokenBuckets } from '../foundation/token-buckets.ts'

/** The caller sends too many requests. */
class RateLimitedError extends CodedError {
  override readonly name = 'RateLimitedError'
  readonly code = 'ERR_AUTHORITY_RATE_LIMITED'
  readonly kind = 'resource_exhausted'
}

/** How often those who are known by some name may ask. */
export class RateLimiter extends TokenBuckets<string> {
  /** @throws RateLimitedError when this key has not so much, or less than `leaving` would be left; nothing is taken then. */
  take(key: string, amount = 1, leaving = 0): void {
    if (!this.tryTake(key, amount, leaving)) throw new RateLimitedError('too many requests: try again later')
  }
}
