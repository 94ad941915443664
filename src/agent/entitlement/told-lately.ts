import type { Clock } from '../../foundation/clock.ts'
import { LruMap } from '../../foundation/lru-map.ts'

/** One line of each kind in this time; a retrying client asks every second. */
const QUIET_MS = 30_000
/** Kinds remembered of one user, who may make them up, and users. */
const MAX_KINDS = 64
const MAX_USERS = 1_024

interface Told {
  readonly untilMs: number
  suppressed: number
}

/**
 * Which lines the log has had lately, so that it need not say the same again and again. What one user makes up pushes out nothing of another's;
 * how many lines there may be at all is not for this to bound, but for the logger.
 */
export class ToldLately {
  readonly #clock: Clock
  readonly #users = new LruMap<number, LruMap<string, Told>>(MAX_USERS)

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** How many of this kind went untold since the last that was told; undefined while it is too soon to tell again. */
  suppressed(uid: number, kind: string): number | undefined {
    const now = this.#clock.monotonicMs()
    const kinds = this.#kindsOf(uid)
    const told = kinds.get(kind)
    if (told !== undefined && now < told.untilMs) {
      told.suppressed += 1
      return undefined
    }
    kinds.set(kind, { untilMs: now + QUIET_MS, suppressed: 0 })
    return told?.suppressed ?? 0
  }

  #kindsOf(uid: number): LruMap<string, Told> {
    const known = this.#users.get(uid)
    if (known !== undefined) return known
    const kinds = new LruMap<string, Told>(MAX_KINDS)
    this.#users.set(uid, kinds)
    return kinds
  }
}
