import { availableParallelism } from 'node:os'
import { generateKeyPair, type KeyPair, type KeyType } from '../../crypto/keys.ts'
import type { Metrics } from '../../foundation/metrics.ts'
import { KeyPool } from './key-pool.ts'

/** Node's threads are four, for files, name resolution and digests as well. */
const THREADS = 4

/**
 * A key on P-256 is made in 0.1 ms, on P-384 in 2 ms, and one of RSA in 50 to 300 ms of a whole core: one core is left to the loop, so
 * that a hundred of them delay nobody else.
 */
const LIMITS: Readonly<Record<KeyType, { readonly atOnce: number; readonly most: number }>> = {
  'ec-p256': { atOnce: THREADS, most: 8 },
  'ec-p384': { atOnce: THREADS / 2, most: 8 },
  'rsa-2048': { atOnce: Math.max(1, Math.min(THREADS / 2, availableParallelism() - 1)), most: 16 },
}

/** Key pairs by type. A type that no workload identity of this agent has costs nothing. */
export class KeyPools {
  readonly #generate: (type: KeyType) => Promise<KeyPair>
  readonly #pools = new Map<KeyType, KeyPool>()

  constructor(metrics: Metrics, generate: (type: KeyType) => Promise<KeyPair> = generateKeyPair) {
    this.#generate = generate
    metrics.collected('key_pool_ready', 'Key pairs made ahead, by their type', () =>
      this.#sample((pool) => pool.ready),
    )
    metrics.collected('key_pool_waiting', 'X.509-SVIDs that wait for a key pair to be made', () =>
      this.#sample((pool) => pool.waiting),
    )
    this.#pool('ec-p256').expect(LIMITS['ec-p256'].most) // before anything is known: the first fetch shall find one
  }

  /** For which user: those who wait for a key have their turns one after another. */
  take(type: KeyType, uid: number): Promise<KeyPair> {
    return this.#pool(type).take(uid)
  }

  /** How many workload identities there are of each type. */
  expect(identities: ReadonlyMap<KeyType, number>): void {
    for (const [type, count] of identities) {
      if (type === 'ec-p256') continue
      if (count > 0 || this.#pools.has(type)) this.#pool(type).expect(count)
    }
  }

  #pool(type: KeyType): KeyPool {
    let pool = this.#pools.get(type)
    if (pool === undefined) {
      pool = new KeyPool({ ...LIMITS[type], generate: () => this.#generate(type) })
      this.#pools.set(type, pool)
    }
    return pool
  }

  *#sample(count: (pool: KeyPool) => number): Generator<{ labels: Record<string, string>; value: number }> {
    for (const [key_type, pool] of this.#pools) yield { labels: { key_type }, value: count(pool) }
  }
}
