import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ClockGuard } from '../../../../src/authority/keys/clock-guard.ts'
import { createLogger, silentLogger } from '../../../../src/foundation/logger.ts'
import { FakeClock } from '../../../fakes/fake-clock.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS

function create() {
  const clock = new FakeClock()
  const events: string[] = []
  const logger = createLogger({ destination: { write: (line) => void events.push(JSON.parse(line).event) } })
  const guard = new ClockGuard({ clock, logger })
  /** The result in each of this many minutes. */
  const during = (minutes: number): Set<boolean> => {
    const said = new Set<boolean>()
    for (let minute = 0; minute < minutes; minute++) {
      clock.advance(MINUTE_MS)
      said.add(guard.isSteady())
    }
    return said
  }
  return { clock, events, guard, during }
}

describe('ClockGuard', () => {
  it('trusts a clock that runs, is corrected a little, or is set back', () => {
    const { clock, events, guard, during } = create()
    for (const ms of [HOUR_MS, -30 * HOUR_MS]) {
      clock.jump(ms)
      assert.equal(guard.isSteady(), true)
    }
    clock.advance(1000 * HOUR_MS)
    assert.deepEqual(during(3), new Set([true]))
    assert.deepEqual(events, [])
  })

  it('holds after a jump until the clock has stayed for 15 minutes, and logs both once', () => {
    const { clock, events, guard, during } = create()
    clock.jump(HOUR_MS + 1)
    assert.equal(guard.isSteady(), false)
    assert.deepEqual(during(14), new Set([false]))
    assert.deepEqual(during(10), new Set([true]))
    assert.deepEqual(events, ['clock.jumped', 'clock.agreed'])
  })

  it('starts over when the clock jumps again', () => {
    const { clock, guard, during } = create()
    clock.jump(2 * HOUR_MS)
    during(10)
    clock.jump(2 * HOUR_MS)
    assert.deepEqual(during(15), new Set([false]))
    assert.equal(guard.isSteady(), false)
  })

  it('trusts the clock again immediately when it comes back', () => {
    const { clock, events, guard } = create()
    clock.jump(2 * HOUR_MS)
    assert.equal(guard.isSteady(), false)
    clock.jump(-2 * HOUR_MS)
    assert.equal(guard.isSteady(), true)
    assert.deepEqual(events, ['clock.jumped', 'clock.agreed'])
  })

  it('does not mistake a powered-off host for a jump, however long it has run since', () => {
    const clock = new FakeClock()
    const before = { wallMs: clock.now().getTime(), bootMs: MINUTE_MS }
    clock.jump(48 * HOUR_MS)
    clock.advance(2 * MINUTE_MS)
    const isSteady = (bootId: string): boolean =>
      new ClockGuard({ clock, logger: silentLogger, bootId }, { ...before, bootId: 'first' }).isSteady()
    assert.equal(isSteady('second'), true)
    assert.equal(isSteady('first'), false)
  })
})
