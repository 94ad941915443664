import type { Clock } from '../../foundation/clock.ts'
import type { Logger } from '../../foundation/logger.ts'

/** A clock that is only corrected moves less than this at once. */
const JUMP_MS = 3_600_000
/** A time that a host keeps for so long after a jump is taken for the right one: it had been behind. */
const AGREED_MS = 900_000
/** How far the two clocks part by themselves. */
const DRIFT_MS = 60_000

interface Jump {
  readonly offsetMs: number
  readonly sinceMs: number
}

/** What both clocks said at one moment. */
export interface Moment {
  readonly wallMs: number
  readonly bootMs: number
  /** In which run of the host; undefined when that is not known. */
  readonly bootId?: string
}

/**
 * Watches the wall clock against the one that counts real time, suspend included, so that no key is made, activated or retired on the word of
 * a clock that jumped.
 */
export class ClockGuard {
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #bootId: string | undefined
  #offsetMs: number
  #jump: Jump | undefined

  /** `last`: what an earlier run went by. It says nothing after the host has booted again. */
  constructor(
    deps: { readonly clock: Clock; readonly logger: Logger; readonly bootId?: string | undefined },
    last?: Moment,
  ) {
    this.#clock = deps.clock
    this.#logger = deps.logger
    this.#bootId = deps.bootId
    const isOfThisBoot =
      last !== undefined &&
      last.bootMs <= deps.clock.bootMs() &&
      (last.bootId ?? deps.bootId) === (deps.bootId ?? last.bootId)
    this.#offsetMs = isOfThisBoot ? last.wallMs - last.bootMs : this.#measure()
  }

  /** What it goes by now, for the next run. */
  get moment(): Moment {
    const bootMs = this.#clock.bootMs()
    const wallMs = bootMs + this.#offsetMs
    return this.#bootId === undefined ? { wallMs, bootMs } : { wallMs, bootMs, bootId: this.#bootId }
  }

  /** The wall clock or, while that is in doubt, what it would say if it had not jumped. */
  judgedMs(): number {
    return this.isSteady() ? this.#clock.now().getTime() : this.moment.wallMs
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
    const nowMs = this.#clock.bootMs()
    const jump = this.#jump
    if (jump && Math.abs(offsetMs - jump.offsetMs) <= DRIFT_MS) {
      if (nowMs - jump.sinceMs < AGREED_MS) return false
      this.#logger.warn(
        { event: 'clock.agreed' },
        'the clock has stayed where it jumped to, and is trusted again',
      )
      return this.#trust(offsetMs)
    }
    this.#jump = { offsetMs, sinceMs: nowMs }
    this.#logger.error(
      { event: 'clock.jumped', seconds: Math.round(aheadMs / 1000) },
      'the clock of this host jumped forward: until it has stayed for 15 minutes a signing key changes only if none is left that is valid; if the clock is wrong, set it right now',
    )
    return false
  }

  #trust(offsetMs: number): true {
    this.#offsetMs = offsetMs
    this.#jump = undefined
    return true
  }

  #measure(): number {
    return this.#clock.now().getTime() - this.#clock.bootMs()
  }
}
