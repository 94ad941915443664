import { availableParallelism } from 'node:os'
import { generateKeyPair, type KeyPair, type KeyType } from '../../crypto/keys.ts'
import type { Metrics } from '../../foundation/metrics.ts'
import { KeyPool } from './key-pool.ts'

/** The size of Node's thread pool, which also serves files, name resolution and digests. */
const THREADS = 4

/**
 * Generating a key takes 0.1 ms for P-256, 2 ms for P-384, and 50 to 300 ms of a whole core for
 * RSA. One core is left to the event loop, so that a hundred RSA keys delay nothing else.
 */
const LIMITS: Readonly<Record<KeyType, { readonly atOnce: number; readonly most: number }>> = {
  'ec-p256': { atOnce: THREADS, most: 8 },
  'ec-p384': { atOnce: THREADS / 2, most: 8 },
  'rsa-2048': { atOnce: Math.max(1, Math.min(THREADS / 2, availableParallelism() - 1)), most: 16 },
}

/** Key pairs by type. A type that no workload identity uses costs nothing. */
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
    this.#pool('ec-p256').expect(LIMITS['ec-p256'].most) // ready before the first sync, for the first fetch
  }

  /** Takes a key pair for a user. Waiting users take turns. */
  take(type: KeyType, uid: number): Promise<KeyPair> {
    return this.#pool(type).take(uid)
  }

  /** Sets how many workload identities there are per key type. */
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
