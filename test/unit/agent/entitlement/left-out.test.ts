import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { LeftOut } from '../../../../src/agent/entitlement/left-out.ts'
import { createLogger } from '../../../../src/foundation/logger.ts'
import { createMetrics } from '../../../../src/foundation/metrics.ts'
import { FakeClock } from '../../../fakes/fake-clock.ts'

function rig() {
  const clock = new FakeClock()
  const metrics = createMetrics()
  const logged: Record<string, unknown>[] = []
  const logger = createLogger({ destination: { write: (line) => void logged.push(JSON.parse(line)) } })
  return { clock, metrics, logged, leftOut: new LeftOut({ clock, logger, metrics }) }
}

describe('what callers do not get', () => {
  it('is counted each time and reported only now and then', async () => {
    const { clock, metrics, logged, leftOut } = rig()
    for (let times = 0; times < 50; times += 1) leftOut.hint('b', 'internal', 'a')
    leftOut.hint('c', 'internal', 'a')
    assert.deepEqual(
      logged.map(({ workloadIdentity }) => workloadIdentity),
      ['b', 'c'],
    )
    clock.advance(600_000)
    leftOut.hint('b', 'internal', 'a')
    assert.equal(logged.length, 3)
    assert.match(metrics.expose(), /signet_left_out_total\{reason="hint"\} 52/)
  })

  it('names the caller with too many identities, and the command to run', () => {
    const { logged, leftOut } = rig()
    leftOut.identities(120, 100, { unix: { pid: 812, uid: 1000 } })
    const { event, granted, limit, uid, run } = logged[0] ?? {}
    assert.deepEqual([event, granted, limit, uid], ['identities.too_many', 120, 100, 1000])
    assert.equal(run, 'signet explain --pid 812')
  })
})
