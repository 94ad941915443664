import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { AuthorityClient } from '../../../../src/agent/authority-door.ts'
import { Reporter } from '../../../../src/agent/report/reporter.ts'
import { shorten } from '../../../../src/agent/report/shorten.ts'
import { silentLogger } from '../../../../src/foundation/logger.ts'
import { RpcError, StatusCode } from '../../../../src/rpc/status.ts'
import { FakeClock } from '../../../fakes/fake-clock.ts'

interface Event {
  readonly event: string
  readonly count: number
  readonly detailJson: string
}

function rig() {
  const clock = new FakeClock()
  const reports: (readonly Event[])[] = []
  const state = { away: false, bad: false }
  const client = {
    unary: async (_service: string, _method: string, { events }: { events: readonly Event[] }) => {
      if (state.away) throw new RpcError(StatusCode.UNAVAILABLE, 'away')
      if (state.bad) throw new RpcError(StatusCode.INVALID_ARGUMENT, 'unknown event')
      reports.push(events)
      return {}
    },
  } as unknown as AuthorityClient
  const reporter = new Reporter({ client: () => client, clock, logger: silentLogger })
  const pass = async (ms: number): Promise<void> => {
    clock.advance(ms)
    for (let step = 0; step < 3; step += 1) await new Promise((resolve) => setImmediate(resolve))
  }
  return { reporter, reports, state, pass }
}

describe('Reporter', () => {
  it('adds up what differs in nothing but how often', async () => {
    const { reporter, reports, pass } = rig()
    reporter.delivered({ kind: 'jwt_svid', count: 5 })
    reporter.delivered({ kind: 'jwt_svid', count: 7 })
    reporter.denied({ reason: 'no_identity' })
    await pass(5_000)
    assert.deepEqual(
      reports.map((events) => events.map(({ event, count }) => [event, count])),
      [
        [
          ['svid.delivered', 12],
          ['identity.denied', 1],
        ],
      ],
    )
  })

  it('reports nothing when there is nothing', async () => {
    const { reports, pass } = rig()
    await pass(600_000)
    assert.equal(reports.length, 0)
  })

  it('keeps what was not heard, and adds to it', async () => {
    const { reporter, reports, state, pass } = rig()
    state.away = true
    reporter.denied({ reason: 'a' })
    await pass(5_000)
    reporter.denied({ reason: 'a' })
    state.away = false
    await pass(60_000)
    assert.deepEqual(
      reports.flat().map(({ count }) => count),
      [2],
    )
  })

  it('lets go of a report that the authority does not take, so that it is not in the way of later ones', async () => {
    const { reporter, reports, state, pass } = rig()
    state.bad = true
    reporter.denied({ reason: 'a' })
    await pass(5_000)
    state.bad = false
    reporter.denied({ reason: 'b' })
    await pass(60_000)
    assert.deepEqual(
      reports.flat().map(({ detailJson }) => detailJson),
      ['{"reason":"b"}'],
    )
  })

  it('gives up the oldest while the authority is away, and sends 200 at most at once', async () => {
    const { reporter, reports, state, pass } = rig()
    state.away = true
    for (let n = 0; n < 2_100; n += 1) reporter.denied({ n })
    await pass(5_000)
    state.away = false
    for (let n = 0; n < 20; n += 1) await pass(30_000)
    assert.ok(reports.every((events) => events.length <= 200))
    const numbers = reports.flat().map(({ detailJson }) => (JSON.parse(detailJson) as { n: number }).n)
    assert.equal(numbers.length, 2_000)
    assert.ok(numbers.includes(2_099) && !numbers.includes(0))
  })

  it('tells what is left at the end', async () => {
    const { reporter, reports } = rig()
    reporter.denied({ reason: 'a' })
    await reporter[Symbol.asyncDispose]()
    assert.equal(reports.length, 1)
  })
})

describe('shorten', () => {
  it('cuts long lists so that a detail fits a report', () => {
    const json = shorten({
      spiffe_ids: Array.from({ length: 100 }, () => `spiffe://example.org/${'a'.repeat(200)}`),
    })
    assert.ok(json.length <= 8_000)
    assert.match(json, /more/)
  })
})
