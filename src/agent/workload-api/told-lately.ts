import type { Clock } from '../../foundation/clock.ts'

/** One line of each kind in this time; a retrying client asks every second. */
const QUIET_MS = 30_000
/** Lines in that time of one group, for kinds that somebody can make up. */
const LINES_OF_GROUP = 16
const REMEMBERED = 1_024

/** Which lines the log has had lately, so that nobody can fill it by asking again and again. */
export class ToldLately {
  readonly #clock: Clock
  readonly #recent = new Map<string, { untilMs: number; suppressed: number }>()
  readonly #groups = new Map<string, { untilMs: number; lines: number }>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /**
   * How many of this kind went untold since the last that was told; undefined while it is too soon to tell again. A `group` is told of a
   * few kinds only.
   */
  suppressed(kind: string, group?: string): number | undefined {
    const now = this.#clock.monotonicMs()
    const recent = this.#recent.get(kind)
    if (recent !== undefined && now < recent.untilMs) {
      recent.suppressed += 1
      return undefined
    }
    if (group !== undefined && !this.#hasRoom(group, now)) return undefined
    this.#recent.delete(kind)
    put(this.#recent, kind, { untilMs: now + QUIET_MS, suppressed: 0 })
    return recent?.suppressed ?? 0
  }

  #hasRoom(group: string, now: number): boolean {
    let told = this.#groups.get(group)
    if (told === undefined || now >= told.untilMs) {
      told = { untilMs: now + QUIET_MS, lines: 0 }
      this.#groups.delete(group)
      put(this.#groups, group, told)
    }
    told.lines += 1
    return told.lines <= LINES_OF_GROUP
  }
}

/** The oldest makes room. */
function put<V>(map: Map<string, V>, key: string, value: V): void {
  if (map.size >= REMEMBERED) map.delete(map.keys().next().value ?? '')
  map.set(key, value)
}
