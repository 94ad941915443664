import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { SeenProcess } from '../../../../src/agent/report/delivery-reporter.ts'
import { Reporter } from '../../../../src/agent/report/reporter.ts'
import type { AuthorityClient } from '../../../../src/agent/uplink/authority-door.ts'
import { silentLogger } from '../../../../src/foundation/logger.ts'
import type { ReportedEvent } from '../../../../src/rpc/gen/signet/v1/ReportedEvent.ts'
import type { ReportRequest } from '../../../../src/rpc/gen/signet/v1/ReportRequest.ts'
import { RpcError, StatusCode } from '../../../../src/rpc/status.ts'
import { FakeClock } from '../../../fakes/fake-clock.ts'

function rig() {
  const clock = new FakeClock()
  const reports: ReportRequest[] = []
  const state = { away: false, isBad: (_event: ReportedEvent): boolean => false }
  const client = {
    unary: async (_service: string, _method: string, request: ReportRequest) => {
      if (state.away) throw new RpcError(StatusCode.UNAVAILABLE, 'away')
      if (request.events?.some(state.isBad)) throw new RpcError(StatusCode.INVALID_ARGUMENT, 'unknown event')
      reports.push(request)
      return {}
    },
  } as unknown as AuthorityClient
  const reporter = new Reporter({ client: () => client, clock, logger: silentLogger })
  const pass = async (ms: number): Promise<void> => {
    clock.advance(ms)
    for (let step = 0; step < 3; step += 1) await new Promise((resolve) => setImmediate(resolve))
  }
  const events = () => reports.flatMap((report) => report.events ?? [])
  const denied = (reason: string, process: Partial<SeenProcess> = {}, count = 1) => {
    const nowMs = clock.now().getTime()
    reporter.denied(processOf(process), reason, { count, firstMs: nowMs, lastMs: nowMs })
  }
  return { reporter, reports, events, denied, state, pass, clock }
}

const processOf = (facts: Partial<SeenProcess>): SeenProcess => ({
  uid: 1000,
  gid: 1000,
  pid: 1,
  startedMs: 1,
  binaryPath: '/bin/x',
  ...facts,
})
const countOf = ({ processes = [], others }: ReportedEvent): number =>
  [...processes.map(({ times }) => times), others].reduce((sum, times) => sum + (times?.count ?? 0), 0)

describe('Reporter', () => {
  it('sums what one process saw of the same thing, with the first and last time', async () => {
    const { denied, events, pass, clock } = rig()
    const firstMs = clock.now().getTime()
    denied('no_identity')
    await pass(1_000)
    denied('no_identity')
    denied('locked')
    await pass(5_000)
    const times = { count: 2, firstMs: String(firstMs), lastMs: String(firstMs + 1_000) }
    assert.deepEqual(events()[0]?.processes?.[0]?.times, times)
    assert.deepEqual(
      events().map(({ denied: denial }) => denial?.reason),
      ['no_identity', 'locked'],
    )
  })

  it('names each process, and groups those of one user that saw the same', async () => {
    const { reporter, events, pass } = rig()
    const svids = [{ spiffeId: 'spiffe://example.org/a', serial: '0a' }]
    const response = { svids }
    for (const [uid, pid] of [
      [1, 10],
      [1, 11],
      [2, 12],
    ] as const)
      reporter.delivered(processOf({ uid, pid }), response, { count: 1, firstMs: 1, lastMs: 1 })
    await pass(5_000)
    assert.deepEqual(
      events().map(({ uid, processes = [], delivered }) => [
        uid,
        processes.map(({ pid }) => pid),
        delivered?.svids,
      ]),
      [
        [1, [10, 11], svids],
        [2, [12], svids],
      ],
    )
  })

  it('reports nothing when there is nothing', async () => {
    const { reports, pass } = rig()
    await pass(600_000)
    assert.equal(reports.length, 0)
  })

  it('keeps a report that did not arrive, and adds to it', async () => {
    const { denied, events, state, pass } = rig()
    state.away = true
    denied('a')
    await pass(5_000)
    denied('a')
    state.away = false
    await pass(60_000)
    assert.deepEqual(events().map(countOf), [2])
  })

  it('drops only the event that the authority rejects, and logs it', async () => {
    const { denied, reports, events, state, pass } = rig()
    state.isBad = ({ denied: denial }) => denial?.reason === 'bad'
    for (const reason of ['a', 'bad', 'c', 'd', 'e', 'f']) denied(reason)
    for (let n = 0; n < 20; n += 1) await pass(30_000)
    assert.deepEqual(
      events()
        .map(({ denied: denial }) => denial?.reason)
        .sort(),
      ['a', 'c', 'd', 'e', 'f'],
    )
    assert.deepEqual(
      reports.flatMap(({ givenUp = [] }) => givenUp.map(({ uid, times }) => [uid, times?.count])),
      [[1000, 1]],
    )
  })

  it('lets no user displace what another caused, and reports what it dropped for whom', async () => {
    const { denied, reports, events, state, pass } = rig()
    state.away = true
    denied('no_identity', { uid: 7, pid: 70 })
    for (let n = 0; n < 20_000; n += 1) denied(`r${n}`, { uid: 1002, pid: n })
    denied('no_identity', { uid: 8, pid: 80 })
    await pass(5_000)
    state.away = false
    for (let n = 0; n < 200; n += 1) await pass(30_000)
    const uids = events().map(({ uid }) => uid)
    assert.ok(uids.slice(0, 3).includes(7) && uids.slice(0, 3).includes(8), 'each user gets a turn')
    const given = reports.flatMap(({ givenUp = [] }) => givenUp)
    assert.deepEqual([...new Set(given.map(({ uid }) => uid))], [1002])
    const lost = given.reduce((sum, { times }) => sum + (times?.count ?? 0), 0)
    assert.ok(lost > 10_000)
    assert.equal(
      events()
        .map(countOf)
        .reduce((a, b) => a + b) + lost,
      20_002,
      'nothing is lost silently',
    )
    assert.ok(reports.every(({ events: each = [] }) => each.length <= 200))
  })

  it('names a bounded number of processes per refusal, counts the others, and splits what is long', async () => {
    const { denied, events, pass } = rig()
    for (let pid = 0; pid < 5_000; pid += 1)
      denied('no_identity', { pid, binaryPath: `/${'\u001b'.repeat(250)}` })
    for (let n = 0; n < 40; n += 1) await pass(30_000)
    const named = events().flatMap(({ processes = [] }) => processes)
    assert.equal(named.length, 1_024)
    assert.equal(
      events()
        .map(countOf)
        .reduce((a, b) => a + b),
      5_000,
    )
    for (const event of events()) assert.ok(JSON.stringify(event).length < 16_384)
  })

  it('splits a response with many SVIDs', async () => {
    const { reporter, events, pass } = rig()
    const svids = Array.from({ length: 100 }, (_, n) => ({
      spiffeId: `spiffe://example.org/${'a'.repeat(2_000)}/${n}`,
      serial: n.toString(16),
    }))
    reporter.delivered(processOf({}), { svids }, { count: 1, firstMs: 1, lastMs: 1 })
    await pass(5_000)
    for (const event of events()) assert.ok(JSON.stringify(event).length < 16_384)
    assert.deepEqual(
      events().flatMap(({ delivered }) => delivered?.svids ?? []),
      svids,
    )
  })

  it('reports what is left at the end', async () => {
    const { reporter, denied, reports } = rig()
    denied('a')
    await reporter[Symbol.asyncDispose]()
    assert.equal(reports.length, 1)
  })
})
