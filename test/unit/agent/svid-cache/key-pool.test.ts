import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { describe, it } from 'node:test'
import { KeyPool } from '../../../../src/agent/svid-cache/key-pool.ts'
import { KeyPools } from '../../../../src/agent/svid-cache/key-pools.ts'
import { exportSpki, type KeyPair, type KeyType } from '../../../../src/crypto/keys.ts'
import { createMetrics } from '../../../../src/foundation/metrics.ts'

function makePair(): KeyPair {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return { privateKey, publicKey, publicKeyDer: exportSpki(publicKey) }
}

/** A pool whose keys become ready when the test says so, and how many were in progress at the same time. */
function createPool(options: { readonly atOnce: number; readonly most: number }) {
  const making: PromiseWithResolvers<KeyPair>[] = []
  let most = 0
  const pool = new KeyPool({
    ...options,
    generate: () => {
      const one = Promise.withResolvers<KeyPair>()
      making.push(one)
      most = Math.max(most, making.length)
      return one.promise
    },
  })
  const settle = async (by: (one: PromiseWithResolvers<KeyPair>) => void): Promise<void> => {
    const one = making.shift()
    assert.ok(one, 'nothing is in progress')
    by(one)
    await new Promise((resolve) => setImmediate(resolve))
  }
  return {
    pool,
    finish: (pair = makePair()) => settle(({ resolve }) => resolve(pair)),
    fail: () => settle(({ reject }) => reject(new Error('no entropy'))),
    inTheMaking: () => making.length,
    mostAtOnce: () => most,
  }
}

describe('KeyPool', () => {
  it('keeps as many keys ready as expected, up to its limit, and replaces what was taken', async () => {
    const { pool, finish, inTheMaking } = createPool({ atOnce: 8, most: 3 })
    pool.expect(100)
    assert.equal(inTheMaking(), 3)
    for (let n = 0; n < 3; n++) await finish()
    assert.deepEqual([pool.ready, inTheMaking()], [3, 0])
    await pool.take(1000)
    assert.deepEqual([pool.ready, inTheMaking()], [2, 1])
  })

  it('hands keys out to the users in turn', async () => {
    const { pool, finish } = createPool({ atOnce: 1, most: 0 })
    const got: number[] = []
    for (const uid of [1, 1, 1, 2]) void pool.take(uid).then(() => got.push(uid))
    for (let n = 0; n < 4; n++) await finish()
    assert.deepEqual(got, [1, 2, 1, 1])
  })

  it('hands each key out once', async () => {
    const { pool, finish } = createPool({ atOnce: 2, most: 2 })
    pool.expect(2)
    await finish()
    await finish()
    const taken = [pool.take(1000), pool.take(1000), pool.take(1000)]
    await finish()
    const keys = await Promise.all(taken)
    assert.equal(new Set(keys.map(({ publicKeyDer }) => publicKeyDer.toString('hex'))).size, 3)
  })

  it('generates no more at a time than it may, and serves waiting callers in order', async () => {
    const { pool, finish, mostAtOnce } = createPool({ atOnce: 2, most: 4 })
    const order: number[] = []
    const all = Array.from({ length: 20 }, async (_, n) => {
      await pool.take(1000)
      order.push(n)
    })
    assert.equal(pool.waiting, 20)
    for (let n = 0; n < 20; n++) await finish()
    await Promise.all(all)
    assert.deepEqual(
      order,
      Array.from({ length: 20 }, (_, n) => n),
    )
    assert.equal(mostAtOnce(), 2)
  })

  it('keeps more ready after somebody had to wait', async () => {
    const { pool, finish } = createPool({ atOnce: 4, most: 4 })
    pool.expect(1)
    await finish()
    const taken = [pool.take(1000), pool.take(1000), pool.take(1000)]
    for (let n = 0; n < 5; n++) await finish()
    await Promise.all(taken)
    assert.equal(pool.ready, 3)
  })

  it('keeps none when none is expected any more', async () => {
    const { pool, finish, inTheMaking } = createPool({ atOnce: 2, most: 2 })
    pool.expect(2)
    await finish()
    await finish()
    pool.expect(0)
    assert.deepEqual([pool.ready, inTheMaking()], [0, 0])
  })

  it('reports a failure to the caller concerned, and goes on for the others', async () => {
    const { pool, finish, fail } = createPool({ atOnce: 1, most: 1 })
    const first = pool.take(1000)
    const second = pool.take(1000)
    const refused = assert.rejects(first, /no entropy/)
    await fail()
    await refused
    await finish()
    assert.ok(await second)
    await fail() // while filling up: nobody waits for it
    const third = pool.take(1000)
    await finish()
    assert.ok(await third)
  })
})

describe('KeyPools', () => {
  it('generates no key of a type that no workload identity uses, except one on P-256 before anything is known', async () => {
    const made: KeyType[] = []
    const pools = new KeyPools(createMetrics(), async (type) => {
      made.push(type)
      return makePair()
    })
    pools.expect(new Map([['ec-p256', 5]]))
    await pools.take('ec-p256', 1000)
    assert.deepEqual(new Set(made), new Set(['ec-p256']))
    pools.expect(new Map<KeyType, number>([['rsa-2048', 2]]))
    await pools.take('rsa-2048', 1000)
    assert.ok(made.includes('rsa-2048') && !made.includes('ec-p384'))
  })

  it('exports how many are ready and how many SVIDs wait', async () => {
    const metrics = createMetrics()
    const pools = new KeyPools(metrics, (type) =>
      type === 'rsa-2048' ? new Promise<never>(() => undefined) : Promise.resolve(makePair()),
    )
    void pools.take('rsa-2048', 1000)
    await pools.take('ec-p256', 1000)
    const text = metrics.expose()
    assert.match(text, /signet_key_pool_waiting\{key_type="rsa-2048"\} 1/)
    assert.match(text, /signet_key_pool_ready\{key_type="rsa-2048"\} 0/)
    assert.match(text, /signet_key_pool_ready\{key_type="ec-p256"\} [1-8]/)
  })
})
