/** Whose calls count together, and how many they may be. */
export interface CallCap<C> {
  readonly keyOf: (caller: C) => number | string
  readonly max: number
}

/**
 * How many calls are open on all the connections that count together. A connection has a cap of its own; without this one a peer that
 * reads nothing could multiply it by its connections.
 */
export class OpenCalls<C> {
  readonly #cap: CallCap<C>
  readonly #open = new Map<number | string, number>()

  constructor(cap: CallCap<C>) {
    this.#cap = cap
  }

  /** Counts one more; false when it is one too many, which is counted all the same until it is over. */
  add(caller: C): boolean {
    const key = this.#cap.keyOf(caller)
    const open = (this.#open.get(key) ?? 0) + 1
    this.#open.set(key, open)
    return open <= this.#cap.max
  }

  remove(caller: C): void {
    const key = this.#cap.keyOf(caller)
    const open = this.#open.get(key) ?? 0
    if (open > 1) this.#open.set(key, open - 1)
    else this.#open.delete(key)
  }
}
