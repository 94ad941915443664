import type { Clock } from '../foundation/clock.ts'

/** Nothing is deleted sooner after it was first seen to be over, unless its whole life was shorter. */
const MAX_STRETCH_MS = 86_400_000

export interface Over {
  readonly id: string
  /** How long it was meant to live. */
  readonly lifeMs: number
}

/** What is over by the wall clock, and since when by the one that never jumps: a clock that was set wrong deletes nothing. */
export class OverForLong {
  readonly #clock: Clock
  #sinceMs: ReadonlyMap<string, number> = new Map()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Takes all that is over now; gives those that have been so, without a break, for a day or for the length of their life. */
  note<T extends Over>(over: readonly T[]): T[] {
    const nowMs = this.#clock.bootMs()
    this.#sinceMs = new Map(over.map(({ id }) => [id, this.#sinceMs.get(id) ?? nowMs]))
    return over.filter(
      ({ id, lifeMs }) => nowMs - (this.#sinceMs.get(id) ?? nowMs) >= Math.min(MAX_STRETCH_MS, lifeMs),
    )
  }
}
