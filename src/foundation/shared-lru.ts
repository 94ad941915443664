interface Entry<Owner, V> {
  value: V
  owner: Owner
}

type Share<V> = Map<string, Entry<unknown, V>>

/**
 * The entries used last, up to a limit, each charged to the one who asked for it. When there is no room, whoever holds most loses what he has
 * not used for longest: nobody's entries are pushed out by what another one asks for.
 */
export class SharedLru<Owner, V> {
  readonly #limit: number
  readonly #onEvict: ((key: string, value: V) => void) | undefined
  readonly #entries = new Map<string, Entry<Owner, V>>()
  /** A map keeps its entries in the order in which they were set: the first is the one used longest ago. */
  readonly #shares = new Map<Owner, Share<V>>()
  #biggest: Share<V> = new Map()

  constructor(limit: number, onEvict?: (key: string, value: V) => void) {
    this.#limit = limit
    this.#onEvict = onEvict
  }

  get size(): number {
    return this.#entries.size
  }

  /** How many entries are charged to one owner. */
  sizeOf(owner: Owner): number {
    return this.#shares.get(owner)?.size ?? 0
  }

  has(key: string): boolean {
    return this.#entries.has(key)
  }

  /** The value, which counts as used. Of several who use it, the one who holds least is charged: it is then the last to go. */
  get(key: string, owner: Owner): V | undefined {
    const entry = this.#entries.get(key)
    if (entry === undefined) return undefined
    const share = this.#shares.get(entry.owner)
    share?.delete(key)
    if (entry.owner !== owner && this.sizeOf(owner) < (share?.size ?? 0)) {
      if (share?.size === 0) this.#shares.delete(entry.owner)
      entry.owner = owner
    }
    this.#put(key, entry)
    return entry.value
  }

  set(key: string, value: V, owner: Owner): void {
    const known = this.#entries.get(key)
    if (known !== undefined) {
      known.value = value
      this.get(key, owner)
      return
    }
    if (this.#entries.size >= this.#limit) this.#evict()
    const entry = { value, owner }
    this.#entries.set(key, entry)
    this.#put(key, entry)
  }

  delete(key: string): void {
    const entry = this.#entries.get(key)
    if (entry === undefined) return
    this.#entries.delete(key)
    const share = this.#shares.get(entry.owner)
    share?.delete(key)
    if (share?.size === 0) this.#shares.delete(entry.owner)
  }

  clear(): void {
    this.#entries.clear()
    this.#shares.clear()
    this.#biggest = new Map()
  }

  *[Symbol.iterator](): Generator<readonly [key: string, value: V, owner: Owner]> {
    for (const [key, { value, owner }] of this.#entries) yield [key, value, owner]
  }

  /** The last used of each owner in turn, `most` in all. */
  recent(most: number): (readonly [key: string, value: V, owner: Owner])[] {
    const found: (readonly [string, V, Owner])[] = []
    let lanes = [...this.#shares].map(([owner, share]) => ({ owner, left: [...share] }))
    while (lanes.length > 0 && found.length < most) {
      for (const { owner, left } of lanes) {
        const [key, entry] = left.pop() ?? []
        if (key !== undefined && entry !== undefined && found.length < most)
          found.push([key, entry.value, owner])
      }
      lanes = lanes.filter(({ left }) => left.length > 0)
    }
    return found
  }

  #put(key: string, entry: Entry<Owner, V>): void {
    let share = this.#shares.get(entry.owner)
    if (share === undefined) {
      share = new Map()
      this.#shares.set(entry.owner, share)
    }
    share.set(key, entry)
    if (share.size > this.#biggest.size) this.#biggest = share
  }

  #evict(): void {
    // Looked for anew only once it holds less than the average: until then it is at least no innocent.
    if (this.#biggest.size * this.#shares.size <= this.#entries.size) {
      for (const share of this.#shares.values()) if (share.size > this.#biggest.size) this.#biggest = share
    }
    const [oldest] = this.#biggest
    if (oldest === undefined) return
    const [key, { value }] = oldest
    this.delete(key)
    this.#onEvict?.(key, value)
  }
}
