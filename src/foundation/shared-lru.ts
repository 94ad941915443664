/** An entry in its owner's list, between the one used just before it and the one used next. */
interface Entry<Owner, V> {
  readonly key: string
  value: V
  size: number
  share: Share<Owner, V>
  before: Entry<Owner, V> | undefined
  next: Entry<Owner, V> | undefined
}

interface Share<Owner, V> {
  readonly owner: Owner
  size: number
  oldest: Entry<Owner, V> | undefined
  newest: Entry<Owner, V> | undefined
}

interface SharedLruOptions<V> {
  /** The size of an entry in the unit of the limit, for example bytes; 1 by default. */
  readonly sizeOf?: (key: string, value: V) => number
  /** Called for evicted entries, not for deleted ones. */
  readonly onEvict?: (key: string, value: V) => void
}

/**
 * A cache with a size limit in which each entry is charged to an owner. When it is full, the owner
 * with the largest share loses its least recently used entry, so that one owner cannot push out the
 * entries of others.
 */
export class SharedLru<Owner, V> {
  readonly #limit: number
  readonly #sizeOf: NonNullable<SharedLruOptions<V>['sizeOf']>
  readonly #onEvict: SharedLruOptions<V>['onEvict']
  readonly #entries = new Map<string, Entry<Owner, V>>()
  readonly #shares = new Map<Owner, Share<Owner, V>>()
  #total = 0
  #biggest: Share<Owner, V> | undefined

  constructor(limit: number, { sizeOf = () => 1, onEvict }: SharedLruOptions<V> = {}) {
    this.#limit = limit
    this.#sizeOf = sizeOf
    this.#onEvict = onEvict
  }

  /** The number of entries. */
  get size(): number {
    return this.#entries.size
  }

  /** The total size charged to one owner. */
  sizeOf(owner: Owner): number {
    return this.#shares.get(owner)?.size ?? 0
  }

  has(key: string): boolean {
    return this.#entries.has(key)
  }

  /**
   * Returns a value and marks it as used. Of several users, the one with the smallest share is
   * charged, so that a shared entry is evicted late.
   */
  get(key: string, owner: Owner): V | undefined {
    const entry = this.#entries.get(key)
    if (entry === undefined) return undefined
    this.#use(entry, owner)
    return entry.value
  }

  /** Stores a value, unless it is bigger than the limit. */
  set(key: string, value: V, owner: Owner): void {
    const size = this.#sizeOf(key, value)
    const known = this.#entries.get(key)
    if (known?.size === size) {
      known.value = value
      this.#use(known, owner)
      return
    }
    this.delete(key)
    if (size > this.#limit) return
    while (this.#total + size > this.#limit) this.#evict()
    const share = this.#shareOf(owner)
    const entry: Entry<Owner, V> = { key, value, size, share, before: undefined, next: undefined }
    this.#entries.set(key, entry)
    this.#total += size
    this.#link(entry)
  }

  delete(key: string): void {
    const entry = this.#entries.get(key)
    if (entry === undefined) return
    this.#entries.delete(key)
    this.#total -= entry.size
    this.#unlink(entry)
  }

  clear(): void {
    this.#entries.clear()
    this.#shares.clear()
    this.#total = 0
    this.#biggest = undefined
  }

  *[Symbol.iterator](): Generator<readonly [key: string, value: V, owner: Owner]> {
    for (const [key, { value, share }] of this.#entries) yield [key, value, share.owner]
  }

  /** Returns up to `most` entries: the most recently used ones of each owner in turn. */
  recent(most: number): (readonly [key: string, value: V, owner: Owner])[] {
    const found: (readonly [string, V, Owner])[] = []
    let lanes = Array.from(this.#shares.values(), ({ newest }) => newest)
    while (lanes.length > 0 && found.length < most) {
      for (const entry of lanes) {
        if (entry !== undefined && found.length < most) {
          found.push([entry.key, entry.value, entry.share.owner])
        }
      }
      lanes = lanes.flatMap((entry) => entry?.before ?? [])
    }
    return found
  }

  #use(entry: Entry<Owner, V>, owner: Owner): void {
    const { share, size } = entry
    const isOthers = share.owner !== owner && this.sizeOf(owner) < share.size - size
    if (!isOthers && share.newest === entry) return
    this.#unlink(entry)
    entry.share = this.#shareOf(isOthers ? owner : share.owner)
    this.#link(entry)
  }

  #shareOf(owner: Owner): Share<Owner, V> {
    let share = this.#shares.get(owner)
    if (share === undefined) {
      share = { owner, size: 0, oldest: undefined, newest: undefined }
      this.#shares.set(owner, share)
    }
    return share
  }

  /** Appends the entry to its share as the newest. */
  #link(entry: Entry<Owner, V>): void {
    const { share } = entry
    entry.before = share.newest
    entry.next = undefined
    if (share.newest === undefined) share.oldest = entry
    else share.newest.next = entry
    share.newest = entry
    share.size += entry.size
    if (share.size > (this.#biggest?.size ?? 0)) this.#biggest = share
  }

  #unlink(entry: Entry<Owner, V>): void {
    const { share, before, next } = entry
    if (before === undefined) share.oldest = next
    else before.next = next
    if (next === undefined) share.newest = before
    else next.before = before
    share.size -= entry.size
    if (share.oldest === undefined) this.#shares.delete(share.owner)
  }

  #evict(): void {
    // Searched again only once this share is below the average. Until then it may not be the
    // biggest, but it is a big one.
    if ((this.#biggest?.size ?? 0) * this.#shares.size <= this.#total) {
      for (const share of this.#shares.values()) {
        if (share.size > (this.#biggest?.size ?? 0)) this.#biggest = share
      }
    }
    const oldest = this.#biggest?.oldest
    if (oldest === undefined) return
    this.delete(oldest.key)
    this.#onEvict?.(oldest.key, oldest.value)
  }
}
