import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { SharedLru } from '../../../src/foundation/shared-lru.ts'

const FLOOD = 'flood'

function filled(): SharedLru<string, number> {
  const cache = new SharedLru<string, number>(10)
  for (const n of [1, 2, 3]) cache.set(`few-${n}`, n, 'few')
  for (let n = 0; n < 100; n++) cache.set(`flood-${n}`, n, FLOOD)
  return cache
}

describe('SharedLru', () => {
  it("keeps one owner's entries, however much another asks for", () => {
    const cache = filled()
    assert.equal(cache.size, 10)
    assert.deepEqual(
      [1, 2, 3].map((n) => cache.get(`few-${n}`, 'few')),
      [1, 2, 3],
    )
    assert.equal(cache.get('flood-99', FLOOD), 99)
    assert.equal(cache.get('flood-0', FLOOD), undefined)
  })

  it('drops what its owner has not used for longest', () => {
    const cache = new SharedLru<string, number>(3)
    for (const key of ['a', 'b', 'c']) cache.set(key, 0, 'one')
    cache.get('a', 'one')
    cache.set('d', 0, 'one')
    assert.deepEqual(
      ['a', 'b', 'c', 'd'].map((key) => cache.has(key)),
      [true, false, true, true],
    )
  })

  it('charges an entry to the smallest of those who use it', () => {
    const cache = filled()
    assert.equal(cache.get('flood-95', 'few'), 95)
    assert.equal(cache.sizeOf('few'), 4)
    cache.get('few-1', FLOOD)
    assert.equal(cache.sizeOf('few'), 4, 'an owner of much cannot take it over')
    for (let n = 200; n < 300; n++) cache.set(`flood-${n}`, n, FLOOD)
    assert.deepEqual(
      ['few-1', 'flood-95'].map((key) => cache.has(key)),
      [true, true],
    )
  })

  it('takes from the next owner once the biggest has become small', () => {
    const cache = new SharedLru<string, number>(12)
    for (let n = 0; n < 8; n++) cache.set(`a-${n}`, n, 'a')
    for (let n = 0; n < 4; n++) cache.set(`b-${n}`, n, 'b')
    for (let n = 0; n < 7; n++) cache.set(`c-${n}`, n, 'c')
    const sizes = ['a', 'b', 'c'].map((owner) => cache.sizeOf(owner))
    assert.ok(Math.max(...sizes) <= 5 && Math.min(...sizes) >= 3, String(sizes))
  })

  it('reports evictions, and releases what is deleted', () => {
    const evicted: string[] = []
    const cache = new SharedLru<string, number>(1, { onEvict: (key) => void evicted.push(key) })
    cache.set('a', 1, 'one')
    cache.set('b', 2, 'two')
    cache.delete('b')
    assert.deepEqual(evicted, ['a'])
    assert.equal(cache.size, 0)
    cache.set('c', 3, 'one')
    assert.deepEqual([...cache], [['c', 3, 'one']])
  })

  it('returns the last used of each owner in turn', () => {
    assert.deepEqual(
      filled()
        .recent(4)
        .map(([key]) => key),
      ['few-3', 'flood-99', 'few-2', 'flood-98'],
    )
  })

  it('counts bytes where a limit is in bytes', () => {
    const cache = new SharedLru<string, string>(10, { sizeOf: (_key, value) => value.length })
    cache.set('few', 'xxx', 'few')
    cache.set('long', 'xxxxx', FLOOD)
    cache.set('longer', 'xxxxxx', FLOOD)
    cache.set('longest', 'x'.repeat(11), FLOOD)
    assert.deepEqual(
      [...cache],
      [
        ['few', 'xxx', 'few'],
        ['longer', 'xxxxxx', FLOOD],
      ],
    )
    cache.set('longer', 'x', FLOOD)
    assert.deepEqual(
      ['few', FLOOD].map((owner) => cache.sizeOf(owner)),
      [3, 1],
    )
  })

  it('keeps what a hand-written list would keep', () => {
    const [limit, owners] = [6, ['a', 'b', 'c']]
    const cache = new SharedLru<string, number>(limit)
    let seed = 7
    const next = (below: number): number => {
      seed = (seed * 48_271) % 0x7fff_ffff
      return seed % below
    }
    for (let n = 0; n < 5_000; n++) {
      const [key, owner] = [`${next(12)}`, owners[next(3)] ?? '']
      const what = next(8)
      if (what === 0) cache.delete(key)
      else if (what < 4) cache.get(key, owner)
      else cache.set(key, n, owner)
      const kept = [...cache]
      assert.ok(kept.length <= limit)
      for (const each of owners) {
        assert.equal(cache.sizeOf(each), kept.filter(([, , of]) => of === each).length)
      }
      assert.equal(cache.recent(limit + 1).length, kept.length)
      if (what >= 4) assert.equal(cache.get(key, owner), n)
    }
  })
})
