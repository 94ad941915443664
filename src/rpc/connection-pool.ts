/** One of several connections that compete for a limited number of places. */
export interface PoolMember<K> {
  readonly key: K
  readonly sinceMs: number
  /** The pool gave its place to another connection. */
  evict(): void
}

export interface ConnectionPoolOptions {
  readonly max: number
  /**
   * How long a member is safe from an eviction by age. Without this time, when many clients connect
   * together, newcomers would displace handshakes that are nearly done, and none would ever finish.
   */
  readonly spareMs: number
}

/**
 * Places for connections whose peers are not authenticated yet. When all are taken, a newcomer
 * displaces the oldest connection of the key that has most of them, else the oldest of all. Idle
 * connections therefore cannot lock others out, and a client that opens many displaces its own.
 */
export class ConnectionPool<K> {
  #max: number
  readonly #spareMs: number
  /** In order of arrival, like each set in {@link #byKey}. */
  readonly #members = new Set<PoolMember<K>>()
  readonly #byKey = new Map<K, Set<PoolMember<K>>>()

  constructor({ max, spareMs }: ConnectionPoolOptions) {
    this.#max = max
    this.#spareMs = spareMs
  }

  /** Sets the number of places for members to come. Those that have a place keep it. */
  limit(max: number): void {
    this.#max = max
  }

  get size(): number {
    return this.#members.size
  }

  /** Admits a member, evicting another one if necessary. Returns false when there is no place for it. */
  admit(member: PoolMember<K>): boolean {
    const own = this.#byKey.get(member.key)
    if (this.#members.size >= this.#max) {
      const biggest = this.#biggest(own)
      if (biggest !== undefined) this.#evict(first(biggest))
      else if (!this.#evictOldest(this.#members, member)) return false
    }
    this.#add(member)
    return true
  }

  leave(member: PoolMember<K>): void {
    if (!this.#members.delete(member)) return
    const siblings = this.#byKey.get(member.key)
    siblings?.delete(member)
    if (siblings?.size === 0) this.#byKey.delete(member.key)
  }

  #add(member: PoolMember<K>): void {
    this.#members.add(member)
    const siblings = this.#byKey.get(member.key)
    if (siblings === undefined) this.#byKey.set(member.key, new Set([member]))
    else siblings.add(member)
  }

  /** The members of the key that has most, if it has clearly more than the newcomer's key. */
  #biggest(own: ReadonlySet<PoolMember<K>> | undefined): ReadonlySet<PoolMember<K>> | undefined {
    let biggest: ReadonlySet<PoolMember<K>> | undefined
    let size = (own?.size ?? 0) + 1
    for (const members of this.#byKey.values()) {
      if (members.size <= size) continue
      biggest = members
      size = members.size
    }
    return biggest
  }

  #evictOldest(among: ReadonlySet<PoolMember<K>>, { sinceMs }: PoolMember<K>): boolean {
    const oldest = first(among)
    if (oldest === undefined || sinceMs - oldest.sinceMs < this.#spareMs) return false
    this.#evict(oldest)
    return true
  }

  #evict(member: PoolMember<K> | undefined): void {
    if (member === undefined) return
    this.leave(member)
    member.evict()
  }
}

function first<T>(of: Iterable<T>): T | undefined {
  for (const one of of) return one
  return undefined
}
