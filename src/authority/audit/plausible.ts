import type { AuditedTimes } from './events.ts'

/** How far the clocks of other hosts may differ. */
const LEEWAY_MS = 60_000
/** More events per second than any agent can cause. */
const MAX_A_SECOND = 100_000
/** The shortest span that counts are measured against: events in one burst have almost none. */
const LEAST_SPAN_SECONDS = 10

/**
 * Checks the times and counts that an agent reports. By the authority's clock, an agent can have seen
 * nothing before it joined and nothing after now, the first time cannot be after the last, and the
 * count is bounded. An impossible value is replaced by the nearest possible one, and the row says so.
 */
export class Plausible {
  /** Whether any value was replaced. */
  isAdjusted = false
  readonly #fromMs: number
  readonly #untilMs: number

  constructor(joinedMs: number, nowMs: number) {
    this.#untilMs = nowMs + LEEWAY_MS
    this.#fromMs = Math.min(joinedMs, nowMs) - LEEWAY_MS
  }

  /** Checks when the agent saw something (Unix milliseconds). */
  seen(ms: number): number {
    return this.#within(ms, this.#fromMs, this.#untilMs)
  }

  /** Checks the start of something that may have begun before the agent joined. */
  begun(ms: number): number {
    return this.#within(ms, 0, this.#untilMs)
  }

  times(count: number, firstMs: number, lastMs: number): AuditedTimes {
    if (firstMs > lastMs) this.isAdjusted = true
    const first = this.seen(Math.min(firstMs, lastMs))
    const last = this.seen(Math.max(firstMs, lastMs))
    return { count: this.count(count, last - first), firstMs: first, lastMs: last }
  }

  /** Checks a count within a span of time. */
  count(count: number, spanMs = 0): number {
    return this.#within(count, 0, Math.ceil((spanMs / 1000 + LEAST_SPAN_SECONDS) * MAX_A_SECOND))
  }

  /** The mark in the detail of the row. */
  get mark(): { readonly adjusted?: true } {
    return this.isAdjusted ? { adjusted: true } : {}
  }

  #within(value: number, least: number, most: number): number {
    if (value >= least && value <= most) return value
    this.isAdjusted = true
    return value > most ? most : least
  }
}
