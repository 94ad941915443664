import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ToldLately } from '../../../../src/agent/entitlement/told-lately.ts'
import { FakeClock } from '../../../fakes/fake-clock.ts'

describe('ToldLately', () => {
  it('lets each kind be logged once in half a minute, and counts the rest', () => {
    const clock = new FakeClock()
    const told = new ToldLately(clock)
    assert.equal(told.suppressed(7, 'a'), 0)
    assert.equal(told.suppressed(7, 'b'), 0)
    assert.equal(told.suppressed(8, 'a'), 0)
    assert.equal(told.suppressed(7, 'a'), undefined)
    clock.advance(30_000)
    assert.equal(told.suppressed(7, 'a'), 1)
  })

  it('drops only the kinds of a user who makes many up', () => {
    const told = new ToldLately(new FakeClock())
    told.suppressed(8, 'a')
    for (let n = 0; n < 10_000; n += 1) told.suppressed(7, `${n}`)
    assert.equal(told.suppressed(8, 'a'), undefined)
    assert.equal(told.suppressed(7, '0'), 0)
    assert.equal(told.suppressed(7, '9999'), undefined)
  })
})
