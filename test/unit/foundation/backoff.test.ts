import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Backoff } from '../../../src/foundation/backoff.ts'
import type { Random } from '../../../src/foundation/random.ts'

const always = (fraction: number): Random => ({
  bytes: (length) => Buffer.alloc(length),
  fraction: () => fraction,
})

describe('Backoff', () => {
  it('doubles up to its ceiling', () => {
    const backoff = new Backoff({ initialMs: 100, maxMs: 500 }, always(1))
    assert.deepEqual(
      [1, 2, 3, 4, 5].map(() => backoff.nextMs()),
      [100, 200, 400, 500, 500],
    )
  })

  it('waits at least half of each step', () => {
    const backoff = new Backoff({ initialMs: 100, maxMs: 500, factor: 4 }, always(0))
    assert.deepEqual(
      [1, 2, 3].map(() => backoff.nextMs()),
      [50, 200, 250],
    )
  })

  it('starts small again after a reset', () => {
    const backoff = new Backoff({ initialMs: 100, maxMs: 500 }, always(1))
    backoff.nextMs()
    backoff.nextMs()
    backoff.reset()
    assert.equal(backoff.nextMs(), 100)
  })
})
