import type { Clock } from '../../foundation/clock.ts'
import { CodedError } from '../../foundation/errors.ts'

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

  /** @throws RateLimitedError when this key has nothing left. */
  take(key: string): void {
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
    if (bucket.tokens < 1) throw new RateLimitedError('too many requests: try again later')
    bucket.tokens -= 1
  }
}

/** One customer is one IPv4 address, or one /64 of IPv6: fewer would be bypassed by moving within it. */
export function addressKey(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)
  if (mapped?.[1] !== undefined) return mapped[1]
  if (!address.includes(':')) return address
  const [head = '', tail] = (address.split('%', 1)[0] ?? '').split('::')
  const groups = head === '' ? [] : head.split(':')
  if (tail !== undefined) {
    const after = tail === '' ? [] : tail.split(':')
    while (groups.length + after.length < 8) groups.push('0')
    groups.push(...after)
  }
  return groups.slice(0, 4).join(':').toLowerCase()
}
