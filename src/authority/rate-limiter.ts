import type { Clock } from '../foundation/clock.ts'
import { CodedError } from '../foundation/errors.ts'

/** Somebody asks too often. */
export class RateLimitedError extends CodedError {
  override readonly name = 'RateLimitedError'
  readonly code = 'ERR_AUTHORITY_RATE_LIMITED'
  readonly kind = 'resource_exhausted'
}

interface Bucket {
  tokens: number
  filledMs: number
}

/** Token buckets by key. Their number is bounded: the one that was used longest ago goes first. */
export class RateLimiter {
  readonly #perSecond: number
  readonly #burst: number
  readonly #maxKeys: number
  readonly #clock: Clock
  readonly #buckets = new Map<string, Bucket>()

  constructor(options: { perSecond: number; burst: number; maxKeys: number }, clock: Clock) {
    this.#perSecond = options.perSecond
    this.#burst = options.burst
    this.#maxKeys = options.maxKeys
    this.#clock = clock
  }

  /** @throws RateLimitedError when this key has not so much left; nothing is taken then. */
  take(key: string, amount = 1): void {
    if (!this.tryTake(key, amount)) throw new RateLimitedError('too many requests: try again later')
  }

  /** Whether this key had so much left, which is taken then. */
  tryTake(key: string, amount = 1): boolean {
    const now = this.#clock.monotonicMs()
    const bucket = this.#buckets.get(key) ?? { tokens: this.#burst, filledMs: now }
    const gained = ((now - bucket.filledMs) / 1000) * this.#perSecond
    bucket.tokens = Math.min(this.#burst, bucket.tokens + gained)
    bucket.filledMs = now
    this.#buckets.delete(key)
    this.#buckets.set(key, bucket) // the order of the map is the order of use
    if (this.#buckets.size > this.#maxKeys) {
      for (const oldest of this.#buckets.keys()) {
        this.#buckets.delete(oldest)
        break
      }
    }
    if (bucket.tokens < amount) return false
    bucket.tokens -= amount
    return true
  }
}
