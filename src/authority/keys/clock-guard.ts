import type { Clock } from '../../foundation/clock.ts'
import type { Logger } from '../../foundation/logger.ts'

/** A clock that is only being corrected moves less than this in one step. */
const JUMP_MS = 3_600_000
/**
 * When the wall clock keeps its new time for this long after a jump, it is taken to be right: it had
 * been behind before.
 */
const AGREED_MS = 900_000
/** How far the two clocks drift apart on their own. */
const DRIFT_MS = 60_000

interface Jump {
  readonly offsetMs: number
  readonly sinceMs: number
}

/** What both clocks showed at one moment. */
export interface Moment {
  readonly wallMs: number
  readonly bootMs: number
  /** Identifies the boot of the host; undefined when it is not known. */
  readonly bootId?: string
}

/**
 * Compares the wall clock with the clock that counts time since boot, suspend included. So no key is
 * created, activated or retired because the wall clock jumped.
 */
export class ClockGuard {
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #bootId: string | undefined
  #offsetMs: number
  #jump: Jump | undefined

  /** `last` is the moment that an earlier process stored. It is ignored after a reboot. */
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

  /** The current moment, to store for the next process. */
  get moment(): Moment {
    const bootMs = this.#clock.bootMs()
    const wallMs = bootMs + this.#offsetMs
    return this.#bootId === undefined ? { wallMs, bootMs } : { wallMs, bootMs, bootId: this.#bootId }
  }

  /**
   * Unix milliseconds by the wall clock or, while that is in doubt, by what it would show if it had
   * not jumped.
   */
  judgedMs(): number {
    return this.isSteady() ? this.#clock.now().getTime() : this.moment.wallMs
  }

  /** Whether the wall clock can be trusted now. Call it about once a minute. */
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
