import type { Clock } from '../../foundation/clock.ts'

/** One line of each kind in this time; a retrying client asks every second. */
const QUIET_MS = 30_000
/** Kinds remembered of one user, who may make them up, and users. */
const KINDS = 64
const USERS = 1_024

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
  readonly #users = new Map<number, Map<string, Told>>()

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
    kinds.delete(kind)
    makeRoom(kinds, KINDS)
    kinds.set(kind, { untilMs: now + QUIET_MS, suppressed: 0 })
    return told?.suppressed ?? 0
  }

  #kindsOf(uid: number): Map<string, Told> {
    const kinds = this.#users.get(uid) ?? new Map<string, Told>()
    this.#users.delete(uid)
    makeRoom(this.#users, USERS)
    this.#users.set(uid, kinds) // the order of the map is the order of use
    return kinds
  }
}

/** The oldest goes. */
function makeRoom<K>(map: Map<K, unknown>, most: number): void {
  if (map.size < most) return
  for (const oldest of map.keys()) {
    map.delete(oldest)
    return
  }
}
