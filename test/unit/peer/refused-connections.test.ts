import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createLogger } from '../../../src/foundation/logger.ts'
import { createMetrics } from '../../../src/foundation/metrics.ts'
import { RefusedConnections } from '../../../src/peer/refused-connections.ts'
import { FakeClock } from '../../fakes/fake-clock.ts'

describe('RefusedConnections', () => {
  it('logs each refused user once per burst, however long another one goes on', () => {
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
