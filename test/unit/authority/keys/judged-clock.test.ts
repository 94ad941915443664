import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ClockGuard } from '../../../../src/authority/keys/clock-guard.ts'
import { JudgedClock } from '../../../../src/authority/keys/judged-clock.ts'
import { silentLogger } from '../../../../src/foundation/logger.ts'
import { FakeClock } from '../../../fakes/fake-clock.ts'

const MINUTE_MS = 60_000
const DAY_MS = 1_440 * MINUTE_MS

function create() {
  const clock = new FakeClock()
  const guard = new ClockGuard({ clock, logger: silentLogger })
  const judged = new JudgedClock(clock, guard)
  const startMs = clock.now().getTime()
  /** What has passed since, by this clock. */
  const passed = (): number => judged.now().getTime() - startMs
  return { clock, passed }
}

describe('the clock by which the authority judges expiry', () => {
  it('goes on immediately as if there had been no jump, until the new time has stayed', () => {
    const { clock, passed } = create()
    assert.equal(passed(), 0)
    clock.jump(3 * DAY_MS)
    assert.equal(passed(), 0)
    clock.advance(14 * MINUTE_MS)
    assert.equal(passed(), 14 * MINUTE_MS)
    clock.advance(2 * MINUTE_MS)
    assert.equal(passed(), 3 * DAY_MS + 16 * MINUTE_MS)
  })

  it('is the wall clock again as soon as that comes back', () => {
    const { clock, passed } = create()
    clock.jump(3 * DAY_MS)
    clock.advance(500)
    assert.equal(passed(), 500)
    clock.jump(-3 * DAY_MS)
    assert.equal(passed(), 500)
  })

  it('is the wall clock when that is corrected a little or set back, or the host has slept', () => {
    const { clock, passed } = create()
    clock.jump(MINUTE_MS)
    assert.equal(passed(), MINUTE_MS)
    clock.suspend(3 * DAY_MS)
    assert.equal(passed(), MINUTE_MS + 3 * DAY_MS)
    clock.jump(-5 * DAY_MS)
    assert.equal(passed(), MINUTE_MS - 2 * DAY_MS)
  })
})
