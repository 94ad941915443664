import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { LogThrottle } from '../../../../src/agent/entitlement/log-throttle.ts'
import { FakeClock } from '../../../fakes/fake-clock.ts'

describe('LogThrottle', () => {
  it('lets each kind be logged once in half a minute, and counts the rest', () => {
    const clock = new FakeClock()
    const throttle = new LogThrottle(clock)
    assert.equal(throttle.suppressed(7, 'a'), 0)
    assert.equal(throttle.suppressed(7, 'b'), 0)
    assert.equal(throttle.suppressed(8, 'a'), 0)
    assert.equal(throttle.suppressed(7, 'a'), undefined)
    clock.advance(30_000)
    assert.equal(throttle.suppressed(7, 'a'), 1)
  })

  it('drops only the kinds of a user who makes many up', () => {
    const throttle = new LogThrottle(new FakeClock())
    throttle.suppressed(8, 'a')
    for (let n = 0; n < 10_000; n += 1) throttle.suppressed(7, `${n}`)
    assert.equal(throttle.suppressed(8, 'a'), undefined)
    assert.equal(throttle.suppressed(7, '0'), 0)
    assert.equal(throttle.suppressed(7, '9999'), undefined)
  })
})
