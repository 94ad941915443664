import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ToldLately } from '../../../../src/agent/workload-api/told-lately.ts'
import { FakeClock } from '../../../fakes/fake-clock.ts'

describe('ToldLately', () => {
  it('has each kind told once in half a minute, and counts the rest', () => {
    const clock = new FakeClock()
    const told = new ToldLately(clock)
    assert.equal(told.suppressed('a'), 0)
    assert.equal(told.suppressed('b'), 0)
    assert.equal(told.suppressed('a'), undefined)
    clock.advance(30_000)
    assert.equal(told.suppressed('a'), 1)
  })

  it('has a bounded number of kinds told of a group that makes them up, and of others all the same', () => {
    const clock = new FakeClock()
    const told = new ToldLately(clock)
    const lines = () =>
      Array.from({ length: 100 }, (_, n) => told.suppressed(`${clock.monotonicMs()} ${n}`, 'uid 7')).filter(
        (suppressed) => suppressed !== undefined,
      ).length
    assert.equal(lines(), 16)
    assert.equal(told.suppressed('other', 'uid 8'), 0)
    clock.advance(30_000)
    assert.equal(lines(), 16)
  })

  it('remembers a bounded number of kinds', () => {
    const told = new ToldLately(new FakeClock())
    for (let n = 0; n < 1_025; n += 1) told.suppressed(`${n}`)
    assert.equal(told.suppressed('0'), 0)
    assert.equal(told.suppressed('1024'), undefined)
  })
})
