import type { Clock } from '../../foundation/clock.ts'
import type { Logger } from '../../foundation/logger.ts'

/** A clock that is only corrected moves less than this at once. */
const JUMP_MS = 3_600_000
/** A time that a host keeps for so long after a jump is taken for the right one: it slept, or had been behind. */
const AGREED_MS = 900_000
/** How far the two clocks part by themselves. */
const DRIFT_MS = 60_000

interface Jump {
  readonly offsetMs: number
  readonly sinceMs: number
}

/** Watches the wall clock against the monotonic one, so that no key is made, activated or retired on the word of a clock that jumped. */
export class ClockGuard {
  readonly #clock: Clock
  readonly #logger: Logger
  #offsetMs: number
  #jump: Jump | undefined

  constructor(deps: { readonly clock: Clock; readonly logger: Logger }) {
    this.#clock = deps.clock
    this.#logger = deps.logger
    this.#offsetMs = this.#measure()
  }

  /** Whether the wall clock can be gone by. To be asked every minute or so. */
  isSteady(): boolean {
    const offsetMs = this.#measure()
    const aheadMs = offsetMs - this.#offsetMs
    if (aheadMs > JUMP_MS) return this.#hold(offsetMs, aheadMs)
    if (this.#jump) this.#logger.info({ event: 'clock.agreed' }, 'the clock has come back')
    return this.#trust(offsetMs)
  }

  #hold(offsetMs: number, aheadMs: number): boolean {
    const nowMs = this.#clock.monotonicMs()
    const jump = this.#jump
    if (jump && Math.abs(offsetMs - jump.offsetMs) <= DRIFT_MS) {
      if (nowMs - jump.sinceMs < AGREED_MS) return false
      this.#logger.warn({ event: 'clock.agreed' }, 'the clock has stayed where it jumped to: going by it')
      return this.#trust(offsetMs)
    }
    this.#jump = { offsetMs, sinceMs: nowMs }
    this.#logger.error(
      { event: 'clock.jumped', seconds: Math.round(aheadMs / 1000) },
      'the clock of this host jumped forward: no signing key changes until it has stayed for 15 minutes; if it is wrong, set it right now',
    )
    return false
  }

  #trust(offsetMs: number): true {
    this.#offsetMs = offsetMs
    this.#jump = undefined
    return true
  }

  #measure(): number {
    return this.#clock.now().getTime() - this.#clock.monotonicMs()
  }
}
