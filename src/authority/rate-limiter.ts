import { CodedError } from '../foundation/errors.ts'
import { TokenBuckets } from '../foundation/token-buckets.ts'

/** The caller sends too many requests. */
class RateLimitedError extends CodedError {
  override readonly name = 'RateLimitedError'
  readonly code = 'ERR_AUTHORITY_RATE_LIMITED'
  readonly kind = 'resource_exhausted'
}

/** Limits how often each key may ask. */
export class RateLimiter extends TokenBuckets<string> {
  /**
   * Takes an amount from the key's bucket. @throws RateLimitedError, and takes nothing, when it has
   * less than `amount`, or less than `leaving` would remain
   */
  take(key: string, amount = 1, leaving = 0): void {
    if (!this.tryTake(key, amount, leaving)) throw new RateLimitedError('too many requests: try again later')
  }
}
