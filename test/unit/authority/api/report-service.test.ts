import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type ReportApiDeps, reportHandlers } from '../../../../src/authority/api/report-service.ts'
import type { AuditEntry } from '../../../../src/authority/audit/events.ts'
import { GivenUp } from '../../../../src/authority/audit/given-up.ts'
import { silentLogger } from '../../../../src/foundation/logger.ts'
import { FakeClock } from '../../../fakes/fake-clock.ts'

const NOW_MS = Date.parse('2026-01-01T00:00:00Z')
const times = { count: 1, firstMs: `${NOW_MS}`, lastMs: `${NOW_MS}` }
const event = {
  uid: 1000,
  processes: Array.from({ length: 12 }, () => ({
    ...{ pid: 1, gid: 1, startedMs: '1', times, binaryPath: `/${'x'.repeat(1_000)}` },
  })),
  others: null,
  denied: { reason: 'no_identity' },
}

/** Reports as an instance, and the result. */
function rig() {
  const clock = new FakeClock()
  const recorded = { rows: 0, bytes: 0 }
  const entries: AuditEntry[] = []
  const newReference = () => 'R'
  const deps = {
    connections: {
      use: ({ instanceId }: { instanceId: string }) => ({ id: instanceId, bot: 'builder', joinedMs: 0 }),
    },
    audit: {
      recordAll: async (rows: readonly AuditEntry[]) => {
        entries.push(...rows)
        recorded.rows += rows.length
        for (const { detail } of rows) recorded.bytes += JSON.stringify(detail).length
      },
      newReference,
    },
    clock,
    logger: silentLogger,
  }
  const givenUp = new GivenUp(deps)
  const handlers = reportHandlers({ ...deps, givenUp } as unknown as ReportApiDeps) as unknown as {
    Report: { unary(caller: object, request: object): Promise<object> }
  }
  const report = (instanceId: string, count: number) =>
    handlers.Report.unary(
      { kind: 'bot', bot: 'builder', instanceId },
      { events: Array.from({ length: count }, () => event), givenUp: [] },
    )
  const send = (events: readonly object[], givenUp: readonly object[] = []) =>
    handlers.Report.unary({ kind: 'bot', bot: 'builder', instanceId: 'a' }, { events, givenUp })
  return { clock, recorded, entries, report, send, givenUp }
}

describe('the reports of one agent', () => {
  const limited = { code: 'ERR_AUTHORITY_RATE_LIMITED' }

  it('fill no more of the disk than their share, however many they are', async () => {
    const { clock, recorded, report } = rig()
    for (let n = 0; n < 3; n++) await report('a', 200)
    await assert.rejects(report('a', 200), limited)
    await report('b', 200)
    recorded.bytes = 0
    for (let n = 0; n < 20; n++) {
      clock.advance(30_000)
      const answered = await report('a', 200).then(
        () => 'taken',
        ({ code }) => code,
      )
      assert.ok(['taken', limited.code].includes(answered), answered)
    }
    assert.ok(recorded.bytes > 0 && recorded.bytes < (600 * 32 + 8 * 1024) * 1024)
  })

  it('are accepted again when time has passed', async () => {
    const { clock, report } = rig()
    for (let n = 0; n < 20; n++) await report('a', 1)
    await assert.rejects(report('a', 1), limited)
    clock.advance(1_000)
    await report('a', 1)
  })
})

describe('what an agent reports', () => {
  const process = { pid: 7, gid: 1000, startedMs: '1', times, binaryPath: '/bin/a' }
  const svid = { spiffeId: 'spiffe://example.org/a', jti: 'J' }
  const whole = { uid: 1000, processes: [process], others: null, delivered: { svids: [svid] } }
  const refused: readonly (readonly [string, object])[] = [
    ['an impossible process', { processes: [{ ...process, pid: -1 }] }],
    ['no process', { processes: [{ ...process, pid: 0 }] }],
    ["a pid above the kernel's limit", { processes: [{ ...process, pid: 4_194_305 }] }],
    ['no group', { processes: [{ ...process, gid: 0xffff_ffff }] }],
    ['no user', { uid: 0xffff_ffff }],
    ['a delivery without SVIDs', { delivered: { svids: [] } }],
    ['a count of zero', { processes: [{ ...process, times: { ...times, count: 0 } }] }],
    ['no time', { processes: [{ ...process, times: null }] }],
    ['nobody', { processes: [] }],
    ['neither a denial nor a delivery', { delivered: null }],
  ]
  for (const [what, change] of refused) {
    it(`is refused when it has ${what}`, async () => {
      const { send, entries } = rig()
      await assert.rejects(send([{ ...whole, ...change }]), { code: 'ERR_REPORT_INVALID' })
      assert.deepEqual(entries, [])
    })
  }

  it('marks each impossible time or count separately', async () => {
    const { send, entries } = rig()
    const late = { ...times, lastMs: '9223372036854775807' }
    await send(
      [
        whole,
        { ...whole, others: late },
        { ...whole, processes: [{ ...process, times: { ...times, count: 4e9 } }] },
      ],
      [{ uid: 1, times: late }],
    )
    assert.deepEqual(
      entries.map(({ detail }) => ('adjusted' in detail ? detail.adjusted : false)),
      [false, true, true, true],
    )
    assert.partialDeepStrictEqual(entries[1]?.detail, { lastMs: NOW_MS + 60_000 })
  })

  it('about dropped reports gets a few rows, and one that sums the others', async () => {
    const { clock, send, entries, givenUp } = rig()
    for (let n = 0; n < 10; n++) {
      await send(
        [],
        Array.from({ length: 64 }, (_, uid) => ({ uid, times: { ...times, count: 2 } })),
      )
      clock.advance(1_000)
    }
    assert.ok(entries.length >= 64 && entries.length < 70)
    await givenUp[Symbol.asyncDispose]()
    const { event, detail } = entries.at(-1) ?? {}
    assert.equal(event, 'report.given_up_more')
    assert.partialDeepStrictEqual(detail, {
      bot: 'builder',
      count: 2 * (641 - entries.length),
      firstMs: NOW_MS,
    })
  })
})
