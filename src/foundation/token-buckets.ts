import type { Clock } from './clock.ts'
import { LruMap } from './lru-map.ts'

interface Bucket {
  tokens: number
  filledMs: number
}

export interface Rate {
  readonly perSecond: number
  /** What a key may take in one moment after a rest. */
  readonly burst: number
}

interface TokenBucketsOptions extends Rate {
  /** Maximum number of buckets. The least recently used one is dropped first. */
  readonly maxKeys: number
}

/** A token bucket for each key: a burst, and a rate in the long run. */
export class TokenBuckets<Key = string> {
  #rate: Rate
  readonly #clock: Pick<Clock, 'monotonicMs'>
  readonly #buckets: LruMap<Key, Bucket>

  constructor(options: TokenBucketsOptions, clock: Pick<Clock, 'monotonicMs'>) {
    this.#rate = options
    this.#buckets = new LruMap(options.maxKeys)
    this.#clock = clock
  }

  /** Sets the rate from now on. A bucket keeps what it holds, as far as the new burst reaches. */
  limit(rate: Rate): void {
    this.#rate = rate
  }

  /** Takes `amount` from the bucket of a key, if `leaving` remains after that. Returns whether it did. */
  tryTake(key: Key, amount = 1, leaving = 0): boolean {
    const bucket = this.#filled(key)
    if (bucket.tokens < amount + leaving) return false
    bucket.tokens -= amount
    return true
  }

  /** Takes an amount that was already used, even if the bucket becomes negative. */
  charge(key: Key, amount: number): void {
    this.#filled(key).tokens -= amount
  }

  /** Milliseconds until this key may take `amount`; 0 when it may do so now. */
  waitMs(key: Key, amount = 1): number {
    const missing = amount - this.#filled(key).tokens
    return missing <= 0 ? 0 : (missing / this.#rate.perSecond) * 1000
  }

  #filled(key: Key): Bucket {
    const { burst, perSecond } = this.#rate
    const now = this.#clock.monotonicMs()
    let bucket = this.#buckets.get(key)
    if (bucket === undefined) {
      bucket = { tokens: burst, filledMs: now }
      this.#buckets.set(key, bucket)
    }
    const gained = ((now - bucket.filledMs) / 1000) * perSecond
    bucket.tokens = Math.min(burst, bucket.tokens + gained)
    bucket.filledMs = now
    return bucket
  }
}
