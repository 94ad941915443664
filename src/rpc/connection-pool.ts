/** One of several connections that share a bounded number of places. */
export interface PoolMember<K> {
  readonly key: K
  readonly sinceMs: number
  /** Its place is somebody else's now. */
  evict(): void
}

export interface ConnectionPoolOptions {
  readonly max: number
  /**
   * Nobody loses his place to an equal before this: where many come at once, those who are nearly done would otherwise be displaced by
   * those who have just begun, and nobody would ever finish.
   */
  readonly spareMs: number
}

/**
 * Places for connections that prove little of who holds them. When all are taken the newcomer gets the oldest of whoever has most of them,
 * else the oldest of all: so nobody is kept out by those who only sit there, and whoever takes many places takes them from himself.
 */
export class ConnectionPool<K> {
  readonly #options: ConnectionPoolOptions
  /** In the order in which they came, as each of the sets. */
  readonly #members = new Set<PoolMember<K>>()
  readonly #byKey = new Map<K, Set<PoolMember<K>>>()

  constructor(options: ConnectionPoolOptions) {
    this.#options = options
  }

  get size(): number {
    return this.#members.size
  }

  /** Takes it in, at somebody's cost if need be; false when there is no place for it. */
  admit(member: PoolMember<K>): boolean {
    const { max } = this.#options
    const own = this.#byKey.get(member.key)
    if (this.#members.size >= max) {
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

  /** The members of whoever has most, if he has clearly more than the newcomer. */
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
    if (oldest === undefined || sinceMs - oldest.sinceMs < this.#options.spareMs) return false
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
