import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type ReportApiDeps, reportHandlers } from '../../../../src/authority/api/report-service.ts'
import { silentLogger } from '../../../../src/foundation/logger.ts'
import { FakeClock } from '../../../fakes/fake-clock.ts'

const times = { count: 1, firstMs: '1', lastMs: '1' }
const event = {
  uid: 1000,
  processes: Array.from({ length: 12 }, () => ({
    ...{ pid: 1, gid: 1, startedMs: '1', times, binaryPath: `/${'x'.repeat(1_000)}` },
  })),
  others: null,
  denied: { reason: 'no_identity' },
}

/** Reports as an instance, and what became of it. */
function rig() {
  const clock = new FakeClock()
  const recorded = { rows: 0, bytes: 0 }
  const deps = {
    connections: { use: ({ instanceId }: { instanceId: string }) => ({ id: instanceId, bot: 'builder' }) },
    audit: {
      recordAll: async (entries: readonly { detail: unknown }[]) => {
        recorded.rows += entries.length
        for (const { detail } of entries) recorded.bytes += JSON.stringify(detail).length
      },
    },
    clock,
    logger: silentLogger,
  } as unknown as ReportApiDeps
  const handlers = reportHandlers(deps) as unknown as {
    Report: { unary(caller: object, request: object): Promise<object> }
  }
  const report = (instanceId: string, count: number) =>
    handlers.Report.unary(
      { kind: 'bot', bot: 'builder', instanceId },
      { events: Array.from({ length: count }, () => event), givenUp: [] },
    )
  return { clock, recorded, report }
}

describe('the reports of one agent', () => {
  const limited = { code: 'ERR_AUTHORITY_RATE_LIMITED' }

  it('fill no more of the disk than its share, whatever their number', async () => {
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

  it('are taken again when time has passed', async () => {
    const { clock, report } = rig()
    for (let n = 0; n < 20; n++) await report('a', 1)
    await assert.rejects(report('a', 1), limited)
    clock.advance(1_000)
    await report('a', 1)
  })
})
