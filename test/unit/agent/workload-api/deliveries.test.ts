import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Deliveries } from '../../../../src/agent/workload-api/deliveries.ts'
import { FakeClock } from '../../../fakes/fake-clock.ts'

function rig() {
  const clock = new FakeClock()
  const reported: object[] = []
  const reporter = { denied: () => undefined, delivered: (detail: object) => void reported.push(detail) }
  return { clock, reported, deliveries: new Deliveries(clock, reporter) }
}
const TOKEN = { kind: 'jwt_svid', spiffeIds: ['spiffe://example.org/web'], of: ['a'] }

describe('Deliveries', () => {
  it('reports once for many deliveries of the same response', () => {
    const { clock, reported, deliveries } = rig()
    const response = {}
    for (let times = 0; times < 1_000; times += 1) deliveries.count(response, TOKEN)
    clock.advance(60_000)
    const { kind, spiffeIds: spiffe_ids, of } = TOKEN
    assert.deepEqual(reported, [{ kind, spiffe_ids, of, count: 1_000 }])
  })
  it('reports what is left when it is disposed', () => {
    const { reported, deliveries } = rig()
    deliveries.count({}, TOKEN)
    deliveries[Symbol.dispose]()
    assert.equal(reported.length, 1)
  })
  it('starts anew after a report', () => {
    const { clock, reported, deliveries } = rig()
    const response = {}
    deliveries.count(response, TOKEN)
    clock.advance(60_000)
    deliveries.count(response, TOKEN)
    clock.advance(60_000)
    assert.equal(reported.length, 2)
  })
})
