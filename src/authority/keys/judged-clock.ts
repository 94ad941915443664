import type { Clock, Scheduled } from '../../foundation/clock.ts'
import type { ClockGuard } from './clock-guard.ts'

/** The guard is asked again when the wall clock has moved by this much against the monotonic clock … */
const PARTED_MS = 1_000
/** … or this long after it was last asked. */
const ASKED_MS = 1_000

/**
 * The clock by which the authority decides whether a lock, a join token or a bot certificate has
 * expired. While the guard doubts a jump of the wall clock, this clock goes on as if there had been
 * none. What the authority signs or records carries the time of the wall clock, because other hosts
 * read it by theirs.
 */
export class JudgedClock implements Clock {
  readonly #clock: Clock
  readonly #guard: Pick<ClockGuard, 'judgedMs'>
  #offsetMs = Number.NaN
  #askedMs = Number.NEGATIVE_INFINITY
  #doubtedMs = 0

  constructor(clock: Clock, guard: Pick<ClockGuard, 'judgedMs'>) {
    this.#clock = clock
    this.#guard = guard
  }

  now(): Date {
    const wallMs = this.#clock.now().getTime()
    const monotonicMs = this.#clock.monotonicMs()
    const offsetMs = wallMs - monotonicMs
    const isApart = !(Math.abs(offsetMs - this.#offsetMs) < PARTED_MS)
    if (isApart || monotonicMs - this.#askedMs >= ASKED_MS) {
      this.#doubtedMs = wallMs - this.#guard.judgedMs()
      this.#offsetMs = offsetMs
      this.#askedMs = monotonicMs
    }
    return new Date(wallMs - this.#doubtedMs)
  }

  monotonicMs(): number {
    return this.#clock.monotonicMs()
  }

  bootMs(): number {
    return this.#clock.bootMs()
  }

  schedule(ms: number, task: () => void): Scheduled {
    return this.#clock.schedule(ms, task)
  }
}
