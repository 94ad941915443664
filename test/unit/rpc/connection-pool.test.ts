import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ConnectionPool, type ConnectionPoolOptions } from '../../../src/rpc/connection-pool.ts'

/** Connections by name (`a1` belongs to `a`), one per millisecond by default. */
function started(options: ConnectionPoolOptions) {
  const pool = new ConnectionPool<string>(options)
  const evicted: string[] = []
  let nowMs = 0
  const come = (name: string, atMs = nowMs + 1): boolean => {
    nowMs = atMs
    return pool.admit({ key: name.charAt(0), sinceMs: nowMs, evict: () => evicted.push(name) })
  }
  return { pool, evicted, come }
}

describe('ConnectionPool', () => {
  it('gives the newcomer the oldest place of the key with most', () => {
    const { pool, evicted, come } = started({ max: 4, spareMs: 1_000 })
    for (const name of ['b1', 'a1', 'a2', 'a3']) assert.ok(come(name))
    assert.ok(come('c1'))
    assert.deepEqual(evicted, ['a1'])
    assert.equal(pool.size, 4)
  })

  it('does not give away the place of an equal that has just come', () => {
    const { evicted, come } = started({ max: 3, spareMs: 1_000 })
    for (const name of ['a1', 'b1', 'c1']) assert.ok(come(name))
    assert.equal(come('d1'), false)
    assert.equal(come('a2'), false)
    assert.deepEqual(evicted, [])
    assert.ok(come('d2', 2_000))
    assert.deepEqual(evicted, ['a1'])
  })

  it('frees the place of a closed connection, once only', () => {
    const pool = new ConnectionPool<string>({ max: 1, spareMs: 1_000 })
    const member = { key: 'a', sinceMs: 0, evict: () => assert.fail('nobody needs the place') }
    assert.ok(pool.admit(member))
    pool.leave(member)
    pool.leave(member)
    assert.equal(pool.size, 0)
    assert.ok(pool.admit({ ...member, key: 'b' }))
  })
})
