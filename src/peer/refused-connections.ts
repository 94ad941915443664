import type { Clock } from '../foundation/clock.ts'
import type { Logger } from '../foundation/logger.ts'
import { LruMap } from '../foundation/lru-map.ts'
import type { Counter, Metrics } from '../foundation/metrics.ts'

/** Refusals this close to each other are one burst, and one line in the log. */
const BURST_MS = 10_000
/** Bursts remembered, of one user each. */
const MAX_BURSTS = 1_024

/**
 * Counts what a listener refuses and says it once per burst: a flood must not fill the log as well. A burst is of one user, so that whoever
 * is refused beside another does not go untold.
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
