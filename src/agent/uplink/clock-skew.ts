import type { Clock } from '../../foundation/clock.ts'
import type { Logger } from '../../foundation/logger.ts'

/** With this much skew, each side will soon refuse the other's certificates (decision 0018). */
export const SKEW_MATTERS_MS = 30_000

/** While the clocks differ, the log says so this often. */
const SAY_AGAIN_MS = 3_600_000

/**
 * How far this host's clock is ahead of the authority's. The authority says its time in every
 * message, and the monotonic clock says what its time must be since then. So the answer is about
 * now, even if somebody set this host's clock a moment ago.
 */
export class ClockSkew {
  readonly #clock: Clock
  readonly #logger: Logger
  #heard: { readonly authorityMs: number; readonly bootMs: number } | undefined
  #saidBootMs: number | undefined

  constructor(clock: Clock, logger: Logger) {
    this.#clock = clock
    this.#logger = logger
  }

  /** In milliseconds. Undefined until the authority has said its time. */
  get ms(): number | undefined {
    if (this.#heard === undefined) return undefined
    const { authorityMs, bootMs } = this.#heard
    return Math.round(this.#clock.now().getTime() - authorityMs - (this.#clock.bootMs() - bootMs))
  }

  /** The authority's clock says this now. Warns if the clocks differ too much. */
  note(authorityMs: number): void {
    const bootMs = this.#clock.bootMs()
    this.#heard = { authorityMs, bootMs }
    const skewMs = this.ms ?? 0
    if (Math.abs(skewMs) <= SKEW_MATTERS_MS) {
      this.#saidBootMs = undefined
      return
    }
    if (this.#saidBootMs !== undefined && bootMs - this.#saidBootMs < SAY_AGAIN_MS) return
    this.#saidBootMs = bootMs
    const direction = skewMs > 0 ? 'ahead of' : 'behind'
    this.#logger.warn(
      { event: 'clock.skewed', clockSkewMs: skewMs },
      `the clock of this host is ${direction} the authority's`,
    )
  }
}
