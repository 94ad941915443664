const SHARDS = 1024
const EMPTY: ReadonlyMap<string, never> = new Map<string, never>()

/**
 * An immutable map. `with` returns a successor that copies only the shards it changes (each about a
 * thousandth of the entries) and shares the others.
 */
export class PersistentMap<V> {
  readonly #shards: readonly ReadonlyMap<string, V>[]
  readonly size: number

  private constructor(shards: readonly ReadonlyMap<string, V>[], size: number) {
    this.#shards = shards
    this.size = size
  }

  static empty<V>(): PersistentMap<V> {
    return new PersistentMap<V>(new Array(SHARDS).fill(EMPTY), 0)
  }

  get(key: string): V | undefined {
    return this.#shards[shardOf(key)]?.get(key)
  }

  *values(): Generator<V> {
    for (const shard of this.#shards) yield* shard.values()
  }

  /** Returns a successor with these changes; the value undefined removes a key. */
  with(changes: Iterable<readonly [string, V | undefined]>): PersistentMap<V> {
    const shards = [...this.#shards]
    const owned = new Map<number, Map<string, V>>()
    let { size } = this
    for (const [key, value] of changes) {
      const at = shardOf(key)
      let shard = owned.get(at)
      if (shard === undefined) {
        shard = new Map(shards[at])
        owned.set(at, shard)
        shards[at] = shard
      }
      size -= shard.size
      if (value === undefined) shard.delete(key)
      else shard.set(key, value)
      size += shard.size
    }
    return new PersistentMap(shards, size)
  }
}

/** FNV-1a. Only an even distribution matters: shards compare whole keys. */
function shardOf(key: string): number {
  let hash = 0x811c9dc5
  for (let at = 0; at < key.length; at += 1) hash = Math.imul(hash ^ key.charCodeAt(at), 0x01000193)
  return (hash ^ (hash >>> 15)) & (SHARDS - 1)
}
