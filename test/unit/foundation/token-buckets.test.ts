import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { TokenBuckets } from '../../../src/foundation/token-buckets.ts'
import { FakeClock } from '../../fakes/fake-clock.ts'

function setUp(more: { maxKeys?: number } = {}) {
  const clock = new FakeClock()
  return { clock, buckets: new TokenBuckets({ perSecond: 10, burst: 20, maxKeys: 2, ...more }, clock) }
}

describe('TokenBuckets', () => {
  it('gives each key its burst, and then this much per second', () => {
    const { clock, buckets } = setUp()
    assert.equal(buckets.tryTake('a', 20), true)
    assert.equal(buckets.tryTake('a'), false)
    assert.equal(buckets.tryTake('b', 20), true)
    clock.advance(500)
    assert.equal(buckets.tryTake('a', 5), true)
    assert.equal(buckets.tryTake('a'), false)
  })

  it('takes nothing where less than the reserve would be left', () => {
    const { buckets } = setUp()
    assert.equal(buckets.tryTake('a', 11, 10), false)
    assert.equal(buckets.tryTake('a', 10, 10), true)
    assert.equal(buckets.tryTake('a', 10), true)
  })

  it('says how long to wait, also after more was used than was there', () => {
    const { clock, buckets } = setUp()
    buckets.charge('a', 30)
    assert.equal(buckets.waitMs('a', 5), 1_500)
    clock.advance(1_500)
    assert.equal(buckets.waitMs('a', 5), 0)
  })

  it('drops the least recently used bucket', () => {
    const { buckets } = setUp()
    for (const key of ['a', 'b', 'c']) buckets.charge(key, 20)
    assert.equal(buckets.waitMs('c'), 100)
    assert.equal(buckets.waitMs('a'), 0)
  })
})
