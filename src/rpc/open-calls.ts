/** How many calls may be open, and which callers share that number. */
export interface CallCap<C> {
  readonly keyOf: (caller: C) => number | string
  readonly max: number
}

/**
 * Counts the open calls on all connections with the same key. Each connection has a cap of its own;
 * without this one, a peer that does not read could multiply it by the number of its connections.
 */
export class OpenCalls<C> {
  readonly #cap: CallCap<C>
  readonly #open = new Map<number | string, number>()

  constructor(cap: CallCap<C>) {
    this.#cap = cap
  }

  /** Counts a call. Returns false when it exceeds the cap; it still counts until it is removed. */
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
