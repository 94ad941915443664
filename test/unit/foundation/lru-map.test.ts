import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { LruMap } from '../../../src/foundation/lru-map.ts'

describe('LruMap', () => {
  it('drops the least recently used entry', () => {
    const map = new LruMap<string, number>(10)
    map.set('first', 1)
    for (let index = 0; index < 20; index += 1) map.set(`k${index}`, index)
    assert.equal(map.get('first'), undefined)
    assert.equal(map.get('k19'), 19)
  })
  it('keeps what is used again and again', () => {
    const map = new LruMap<string, number>(10)
    map.set('hot', 1)
    for (let index = 0; index < 50; index += 1) {
      map.set(`k${index}`, index)
      assert.equal(map.get('hot'), 1)
    }
  })
  it('holds no more than its limit', () => {
    const map = new LruMap<string, number>(10)
    for (let index = 0; index < 50; index += 1) map.set(`k${index}`, index)
    const found = Array.from({ length: 50 }, (_, index) => map.get(`k${index}`)).filter(
      (v) => v !== undefined,
    )
    assert.ok(found.length <= 10)
  })
})
