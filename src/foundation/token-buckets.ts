import type { Clock } from './clock.ts'
import { LruMap } from './lru-map.ts'

interface Bucket {
  tokens: number
  filledMs: number
}

export interface TokenBucketsOptions {
  readonly perSecond: number
  /** What a key may take at once after a rest. */
  readonly burst: number
  /** Their number is bounded: the bucket that was used longest ago is forgotten first. */
  readonly maxKeys: number
}

/** How much each key may take: so much at once, so much a second in the long run. */
export class TokenBuckets<Key = string> {
  readonly #options: TokenBucketsOptions
  readonly #clock: Pick<Clock, 'monotonicMs'>
  readonly #buckets: LruMap<Key, Bucket>

  constructor(options: TokenBucketsOptions, clock: Pick<Clock, 'monotonicMs'>) {
    this.#options = options
    this.#buckets = new LruMap(options.maxKeys)
    this.#clock = clock
  }

  /** Whether this key had so much, which is taken then, and whether `leaving` is left afterwards. */
  tryTake(key: Key, amount = 1, leaving = 0): boolean {
    const bucket = this.#filled(key)
    if (bucket.tokens < amount + leaving) return false
    bucket.tokens -= amount
    return true
  }

  /** Takes what was used already, also what is not there: the key then waits until it has made up for it. */
  charge(key: Key, amount: number): void {
    this.#filled(key).tokens -= amount
  }

  /** Milliseconds until this key has so much; 0 when it has it now. */
  waitMs(key: Key, amount = 1): number {
    const missing = amount - this.#filled(key).tokens
    return missing <= 0 ? 0 : (missing / this.#options.perSecond) * 1000
  }

  #filled(key: Key): Bucket {
    const { burst, perSecond } = this.#options
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
