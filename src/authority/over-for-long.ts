import type { Clock } from '../foundation/clock.ts'

/**
 * An item must have been expired for this long before it is deleted, or for its lifetime if that is
 * shorter.
 */
const MAX_STRETCH_MS = 86_400_000

interface Over {
  readonly id: string
  /** How long it was meant to live. */
  readonly lifeMs: number
}

/**
 * Tracks since when items have been expired, by the clock that never jumps. So a wall clock that is
 * set wrong deletes nothing.
 */
export class OverForLong {
  readonly #clock: Clock
  #sinceMs: ReadonlyMap<string, number> = new Map()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /**
   * Takes all items that are expired now. Returns those that have been so without a break for a day,
   * or for the length of their life.
   */
  note<T extends Over>(over: readonly T[]): T[] {
    const nowMs = this.#clock.bootMs()
    this.#sinceMs = new Map(over.map(({ id }) => [id, this.#sinceMs.get(id) ?? nowMs]))
    return over.filter(
      ({ id, lifeMs }) => nowMs - (this.#sinceMs.get(id) ?? nowMs) >= Math.min(MAX_STRETCH_MS, lifeMs),
    )
  }
}
