import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createLogger } from '../../../src/foundation/logger.ts'
import { createMetrics } from '../../../src/foundation/metrics.ts'
import { ConnectionCaps, RefusedConnections } from '../../../src/peer/connection-caps.ts'
import { FakeClock } from '../../fakes/fake-clock.ts'

describe('RefusedConnections', () => {
  it('tells of each user who is refused, once for each burst, however long another one goes on', () => {
    const lines: { uid: number }[] = []
    const clock = new FakeClock()
    const logger = createLogger({ destination: { write: (line) => void lines.push(JSON.parse(line)) } })
    const refusals = new RefusedConnections({ clock, logger, metrics: createMetrics() })
    for (let n = 0; n < 10; n += 1) {
      refusals.record('too_many_connections_of_uid', { uid: 1 })
      if (n === 5) refusals.record('too_many_connections_of_uid', { uid: 2 })
      clock.advance(5_000)
    }
    assert.deepEqual(
      lines.map(({ uid }) => uid),
      [1, 2],
    )
    clock.advance(10_000)
    refusals.record('too_many_connections_of_uid', { uid: 1 })
    assert.equal(lines.length, 3)
  })
})

describe('ConnectionCaps', () => {
  it('stops one user at its own limit and lets the others in', () => {
    const caps = new ConnectionCaps(10, 2)
    assert.ok(caps.take(1000) && caps.take(1000))
    assert.equal(caps.take(1000), false)
    assert.ok(caps.take(1001))
    assert.equal(caps.total, 3)
  })

  it('stops everyone at the limit for all', () => {
    const caps = new ConnectionCaps(2, 2)
    assert.ok(caps.take(1) && caps.take(2))
    assert.equal(caps.full, true)
    assert.equal(caps.take(3), false)
  })

  it('gives back what is released', () => {
    const caps = new ConnectionCaps(10, 1)
    assert.ok(caps.take(1000))
    caps.release(1000)
    assert.equal(caps.total, 0)
    assert.ok(caps.take(1000))
  })
})
