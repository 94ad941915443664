import type { Clock } from '../../foundation/clock.ts'

/** One line of each kind in this time; a retrying client asks every second. */
const QUIET_MS = 30_000
const REMEMBERED = 1_024

/** Which lines the log has had lately, so that nobody can fill it by asking again and again. */
export class ToldLately {
  readonly #clock: Clock
  readonly #recent = new Map<string, { untilMs: number; suppressed: number }>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** How many of this kind went untold since the last that was told; undefined while it is too soon to tell again. */
  suppressed(kind: string): number | undefined {
    const now = this.#clock.monotonicMs()
    const recent = this.#recent.get(kind)
    if (recent !== undefined && now < recent.untilMs) {
      recent.suppressed += 1
      return undefined
    }
    this.#recent.delete(kind)
    if (this.#recent.size >= REMEMBERED) this.#recent.delete(this.#recent.keys().next().value ?? '')
    this.#recent.set(kind, { untilMs: now + QUIET_MS, suppressed: 0 })
    return recent?.suppressed ?? 0
  }
}
