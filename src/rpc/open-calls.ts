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
  readonly #keyOf: CallCap<C>['keyOf']
  #max: number
  readonly #open = new Map<number | string, number>()

  constructor({ keyOf, max }: CallCap<C>) {
    this.#keyOf = keyOf
    this.#max = max
  }

  /** Sets the cap for calls to come. Those that are open stay, and count. */
  limit(max: number): void {
    this.#max = max
  }

  /** Counts a call. Returns false when it exceeds the cap; it still counts until it is removed. */
  add(caller: C): boolean {
    const key = this.#keyOf(caller)
    const open = (this.#open.get(key) ?? 0) + 1
    this.#open.set(key, open)
    return open <= this.#max
  }

  remove(caller: C): void {
    const key = this.#keyOf(caller)
    const open = this.#open.get(key) ?? 0
    if (open > 1) this.#open.set(key, open - 1)
    else this.#open.delete(key)
  }
}
