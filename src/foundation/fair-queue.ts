/** The waiting items of one key, oldest first. Taking from the front does not move the others. */
class Lane<T> {
  #items: (T | undefined)[] = []
  #first = 0

  get length(): number {
    return this.#items.length - this.#first
  }

  push(item: T): void {
    this.#items.push(item)
  }

  unshift(item: T): void {
    if (this.#first === 0) this.#items.unshift(item)
    else {
      this.#first -= 1
      this.#items[this.#first] = item
    }
  }

  shift(): T {
    const item = this.#items[this.#first] as T
    this.#items[this.#first] = undefined
    this.#first += 1
    if (this.#first >= 64 && this.#first * 2 >= this.#items.length) {
      this.#items = this.#items.slice(this.#first)
      this.#first = 0
    }
    return item
  }

  pop(): T {
    return this.#items.pop() as T
  }

  remove(item: T): boolean {
    const at = this.#items.indexOf(item, this.#first)
    if (at < 0) return false
    this.#items.splice(at, 1)
    return true
  }
}

/**
 * A queue with one lane for each key. The lanes take turns, so that a key with many items delays
 * only itself.
 */
export class FairQueue<Key, T> {
  readonly #lanes = new Map<Key, Lane<T>>()
  #size = 0

  get size(): number {
    return this.#size
  }

  /** How many items of one key wait. */
  sizeOf(key: Key): number {
    return this.#lanes.get(key)?.length ?? 0
  }

  push(key: Key, item: T): void {
    this.#lane(key).push(item)
    this.#size += 1
  }

  /** Puts back an item that was taken too early. It is the next one of its lane. */
  putBack(key: Key, item: T): void {
    this.#lane(key).unshift(item)
    this.#size += 1
  }

  /**
   * Takes the oldest item of the next lane. Lanes that `mayHaveTurn` refuses are skipped and keep
   * their place.
   */
  take(mayHaveTurn?: (key: Key) => boolean): { readonly key: Key; readonly item: T } | undefined {
    for (const [key, lane] of this.#lanes) {
      if (mayHaveTurn?.(key) === false) continue
      const item = lane.shift()
      this.#size -= 1
      this.#lanes.delete(key)
      if (lane.length > 0) this.#lanes.set(key, lane)
      return { key, item }
    }
    return undefined
  }

  /** Removes and returns the newest item of the longest lane, to make room. */
  dropOfBiggest(): { readonly key: Key; readonly item: T } | undefined {
    let biggest: { key: Key; lane: Lane<T> } | undefined
    for (const [key, lane] of this.#lanes) {
      if (biggest === undefined || lane.length > biggest.lane.length) biggest = { key, lane }
    }
    if (biggest === undefined) return undefined
    const { key, lane } = biggest
    const item = lane.pop()
    this.#forget(key, lane)
    return { key, item }
  }

  /** Removes an item that need not wait any more. */
  remove(key: Key, item: T): boolean {
    const lane = this.#lanes.get(key)
    if (lane === undefined || !lane.remove(item)) return false
    this.#forget(key, lane)
    return true
  }

  #lane(key: Key): Lane<T> {
    let lane = this.#lanes.get(key)
    if (lane === undefined) {
      lane = new Lane()
      this.#lanes.set(key, lane) // at the end
    }
    return lane
  }

  #forget(key: Key, lane: Lane<T>): void {
    this.#size -= 1
    if (lane.length === 0) this.#lanes.delete(key)
  }
}
