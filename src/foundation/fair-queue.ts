/** The waiting of one key, oldest first. Taken from the front without moving the rest. */
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

/** What waits, in a lane for each key; the lanes take turns, so that whoever has much waiting waits for himself. */
export class FairQueue<Key, T> {
  readonly #lanes = new Map<Key, Lane<T>>()
  #size = 0

  get size(): number {
    return this.#size
  }

  /** How much waits of one key. */
  sizeOf(key: Key): number {
    return this.#lanes.get(key)?.length ?? 0
  }

  push(key: Key, item: T): void {
    this.#lane(key).push(item)
    this.#size += 1
  }

  /** For what was taken in vain: it is the next of its lane again. */
  putBack(key: Key, item: T): void {
    this.#lane(key).unshift(item)
    this.#size += 1
  }

  /** The oldest of the lane whose turn it is; lanes that may not have one now are passed over and keep their place. */
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

  /** The newest of the longest lane: it goes when there is no room for all. */
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

  /** Takes something out that need not wait any more. */
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
      this.#lanes.set(key, lane) // behind all that are there
    }
    return lane
  }

  #forget(key: Key, lane: Lane<T>): void {
    this.#size -= 1
    if (lane.length === 0) this.#lanes.delete(key)
  }
}
