import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Deliveries } from '../../../../src/agent/entitlement/deliveries.ts'
import { fakeCaller } from '../../../fakes/fake-caller.ts'
import { FakeClock } from '../../../fakes/fake-clock.ts'

function rig() {
  const clock = new FakeClock()
  const reported: object[] = []
  const deliveries = new Deliveries(clock, {
    denied: () => undefined,
    delivered: ({ pid }, { svids }, times) => void reported.push({ pid, svids, ...times }),
  })
  const now = () => clock.now().getTime()
  return { clock, reported, deliveries, now }
}
const svids = [{ spiffeId: 'spiffe://example.org/web', jti: 'abc' }]

describe('Deliveries', () => {
  it('reports many deliveries of one response to one caller once, with the first and last time', () => {
    const { clock, reported, deliveries, now } = rig()
    const { peer } = fakeCaller()
    const response = { svids }
    const firstMs = now()
    for (let times = 0; times < 1_000; times += 1) {
      if (times > 0) clock.advance(5)
      deliveries.count(peer, response, now())
    }
    const lastMs = now()
    clock.advance(60_000)
    assert.deepEqual(reported, [{ pid: 812, svids, count: 1_000, firstMs, lastMs }])
  })
  it('keeps callers apart', () => {
    const { clock, reported, deliveries, now } = rig()
    const response = { svids }
    for (const pid of [1, 2, 2]) deliveries.count(fakeCaller({ pid }).peer, response, now())
    clock.advance(60_000)
    assert.deepEqual(
      reported.map((each) => (each as { pid: number }).pid),
      [1, 2, 2],
    )
  })
  it('reports what is left when it is disposed', () => {
    const { reported, deliveries, now } = rig()
    deliveries.count(fakeCaller().peer, { svids }, now())
    deliveries[Symbol.dispose]()
    assert.equal(reported.length, 1)
  })
  it('reports very many in parts, and early when there is no more room', () => {
    const { clock, reported, deliveries, now } = rig()
    const { peer } = fakeCaller()
    const next = (n: number): void =>
      deliveries.count(peer, { svids: [{ spiffeId: 'spiffe://example.org/web', jti: `${n}` }] }, now())
    for (let n = 0; n < 5_000; n++) next(n)
    const early = reported.length
    assert.ok(early > 0 && early < 1_500, String(early))
    clock.advance(5_000)
    assert.ok(reported.length < early + 500, String(reported.length))
    for (let ms = 0; ms < 100; ms++) clock.advance(1)
    assert.equal(reported.length, 5_000)
  })
  it('starts anew after a report', () => {
    const { clock, reported, deliveries, now } = rig()
    const { peer } = fakeCaller()
    const response = { svids }
    deliveries.count(peer, response, now())
    clock.advance(60_000)
    deliveries.count(peer, response, now())
    clock.advance(60_000)
    assert.equal(reported.length, 2)
  })
})
