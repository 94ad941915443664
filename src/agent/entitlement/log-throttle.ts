import type { Clock } from '../../foundation/clock.ts'
import { LruMap } from '../../foundation/lru-map.ts'

/** The interval between lines of one kind. A retrying client asks every second. */
const QUIET_MS = 30_000
/** How many kinds are remembered per user (a user can invent them), and how many users. */
const MAX_KINDS = 64
const MAX_USERS = 1_024

interface Line {
  readonly untilMs: number
  suppressed: number
}

/**
 * Remembers which lines were logged recently, so that repeated ones are suppressed. The kinds that
 * one user invents cannot evict another user's. It does not bound the total number of lines; the
 * logger does.
 */
export class LogThrottle {
  readonly #clock: Clock
  readonly #users = new LruMap<number, LruMap<string, Line>>(MAX_USERS)

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /**
   * Returns how many lines of this kind were suppressed since the last one; undefined if it is too
   * soon to log another.
   */
  suppressed(uid: number, kind: string): number | undefined {
    const now = this.#clock.monotonicMs()
    const kinds = this.#kindsOf(uid)
    const last = kinds.get(kind)
    if (last !== undefined && now < last.untilMs) {
      last.suppressed += 1
      return undefined
    }
    kinds.set(kind, { untilMs: now + QUIET_MS, suppressed: 0 })
    return last?.suppressed ?? 0
  }

  #kindsOf(uid: number): LruMap<string, Line> {
    const known = this.#users.get(uid)
    if (known !== undefined) return known
    const kinds = new LruMap<string, Line>(MAX_KINDS)
    this.#users.set(uid, kinds)
    return kinds
  }
}
