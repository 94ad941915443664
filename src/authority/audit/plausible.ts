import type { AuditedTimes } from './events.ts'

/** Clocks of other hosts may be ahead or behind by so much. */
const LEEWAY_MS = 60_000
/** More than any agent can deliver or refuse. */
const MAX_A_SECOND = 100_000
/** Even what was seen in one moment was seen for so long. */
const LEAST_SPAN_SECONDS = 10

/**
 * Reads the times and counts that an agent gives. By the authority's clock, an agent has seen nothing before it
 * joined and nothing later than now. What it saw first is not later than what it saw last, and it has not seen more
 * than an agent can. An impossible value is set to the nearest possible one, and the row says so.
 */
export class Plausible {
  /** Something had to be set right. */
  isAdjusted = false
  readonly #fromMs: number
  readonly #untilMs: number

  constructor(joinedMs: number, nowMs: number) {
    this.#untilMs = nowMs + LEEWAY_MS
    this.#fromMs = Math.min(joinedMs, nowMs) - LEEWAY_MS
  }

  /** When the agent saw something. */
  seen(ms: number): number {
    return this.#within(ms, this.#fromMs, this.#untilMs)
  }

  /** When something began that was there already when the agent joined. */
  begun(ms: number): number {
    return this.#within(ms, 0, this.#untilMs)
  }

  times(count: number, firstMs: number, lastMs: number): AuditedTimes {
    if (firstMs > lastMs) this.isAdjusted = true
    const first = this.seen(Math.min(firstMs, lastMs))
    const last = this.seen(Math.max(firstMs, lastMs))
    return { count: this.count(count, last - first), firstMs: first, lastMs: last }
  }

  /** How often, in a span of time. */
  count(count: number, spanMs = 0): number {
    return this.#within(count, 0, Math.ceil((spanMs / 1000 + LEAST_SPAN_SECONDS) * MAX_A_SECOND))
  }

  /** For the detail of the row. */
  get mark(): { readonly adjusted?: true } {
    return this.isAdjusted ? { adjusted: true } : {}
  }

  #within(value: number, least: number, most: number): number {
    if (value >= least && value <= most) return value
    this.isAdjusted = true
    return value > most ? most : least
  }
}
