import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { OverForLong } from '../../../src/authority/over-for-long.ts'
import { FakeClock } from '../../fakes/fake-clock.ts'

const DAY_MS = 86_400_000
const LONG = { id: 'long', lifeMs: 30 * DAY_MS }
const SHORT = { id: 'short', lifeMs: 60_000 }

describe('OverForLong', () => {
  it('returns what has been expired for a day, or for its lifetime, by the clock that never jumps', () => {
    const clock = new FakeClock()
    const over = new OverForLong(clock)
    assert.deepEqual(over.note([LONG, SHORT]), [])
    clock.jump(1000 * DAY_MS)
    assert.deepEqual(over.note([LONG, SHORT]), [])
    clock.advance(60_000)
    assert.deepEqual(over.note([LONG, SHORT]), [SHORT])
    clock.advance(DAY_MS - 60_000)
    assert.deepEqual(over.note([LONG]), [LONG])
  })

  it('starts over for what was not expired in between', () => {
    const clock = new FakeClock()
    const over = new OverForLong(clock)
    over.note([SHORT])
    over.note([])
    clock.advance(60_000)
    assert.deepEqual(over.note([SHORT]), [])
  })
})
