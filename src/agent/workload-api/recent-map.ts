/** The entries used last, up to a limit. */
export class RecentMap<V> {
  readonly #limit: number
  readonly #young = new Map<string, V>()
  #old = new Map<string, V>()

  constructor(limit: number) {
    this.#limit = limit
  }

  /** Two generations instead of a list: what is used moves to the young one, so a hit there costs one look-up. */
  get(key: string): V | undefined {
    const value = this.#young.get(key)
    if (value !== undefined) return value
    const kept = this.#old.get(key)
    if (kept !== undefined) this.set(key, kept)
    return kept
  }

  set(key: string, value: V): void {
    if (this.#young.size * 2 >= this.#limit) {
      this.#old = new Map(this.#young)
      this.#young.clear()
    }
    this.#young.set(key, value)
  }

  clear(): void {
    this.#young.clear()
    this.#old.clear()
  }
}
