import type { Clock } from '../foundation/clock.ts'
import type { Logger } from '../foundation/logger.ts'
import { LruMap } from '../foundation/lru-map.ts'
import type { Counter, Metrics } from '../foundation/metrics.ts'

/** Refusals less than this apart are one burst, which is logged once. */
const BURST_MS = 10_000
/** How many bursts are remembered; each belongs to one user. */
const MAX_BURSTS = 1_024

/**
 * Counts the connections that a listener refuses and logs one line per burst, so that a flood does
 * not fill the log. Bursts are kept per user, so that one user's flood does not hide another user's
 * refusal.
 */
export class RefusedConnections {
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #counter: Counter
  readonly #last = new LruMap<string, number>(MAX_BURSTS)

  constructor(deps: { clock: Clock; logger: Logger; metrics: Metrics }) {
    this.#clock = deps.clock
    this.#logger = deps.logger
    this.#counter = deps.metrics.counter(
      'connections_refused_total',
      'Connections that were closed before they were served',
      ['reason'],
    )
  }

  record(reason: string, facts: { readonly uid?: number; readonly [name: string]: unknown } = {}): void {
    this.#counter.inc({ reason })
    const now = this.#clock.monotonicMs()
    const burst = `${reason} ${facts.uid ?? ''}`
    const last = this.#last.get(burst)
    this.#last.set(burst, now)
    if (last !== undefined && now - last < BURST_MS) return
    this.#logger.warn({ event: 'connection.refused', reason, ...facts }, 'connections are being refused')
  }
}
