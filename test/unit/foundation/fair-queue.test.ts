import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { FairQueue } from '../../../src/foundation/fair-queue.ts'

function drain(queue: FairQueue<string, number>): number[] {
  const taken: number[] = []
  for (let next = queue.take(); next !== undefined; next = queue.take()) taken.push(next.item)
  return taken
}

describe('FairQueue', () => {
  it('gives each key its turn, however much another has waiting', () => {
    const queue = new FairQueue<string, number>()
    for (let n = 0; n < 4; n++) queue.push('flood', n)
    queue.push('few', 100)
    queue.push('few', 101)
    assert.deepEqual(drain(queue), [0, 100, 1, 101, 2, 3])
    assert.equal(queue.size, 0)
  })

  it('keeps the order within a key over thousands', () => {
    const queue = new FairQueue<string, number>()
    const all = Array.from({ length: 5_000 }, (_, n) => n)
    for (const n of all) queue.push('a', n)
    assert.deepEqual(drain(queue), all)
  })

  it('skips a key that may not have its turn, which keeps its place', () => {
    const queue = new FairQueue<string, number>()
    queue.push('a', 1)
    queue.push('b', 2)
    assert.equal(queue.take((key) => key !== 'a')?.item, 2)
    assert.equal(
      queue.take((key) => key !== 'a'),
      undefined,
    )
    assert.equal(queue.take()?.item, 1)
  })

  it('drops the newest item of the key that has most waiting', () => {
    const queue = new FairQueue<string, number>()
    queue.push('few', 1)
    for (const n of [2, 3, 4]) queue.push('flood', n)
    assert.deepEqual(queue.dropOfBiggest(), { key: 'flood', item: 4 })
    assert.equal(queue.sizeOf('flood'), 2)
    assert.equal(queue.size, 3)
  })

  it('removes what need not wait any more', () => {
    const queue = new FairQueue<string, number>()
    for (const n of [1, 2]) queue.push('a', n)
    assert.equal(queue.remove('a', 1), true)
    assert.equal(queue.remove('a', 1), false)
    assert.deepEqual(drain(queue), [2])
  })
})
