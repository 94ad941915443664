import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { DiskWatch } from '../../../../src/authority/audit/disk-watch.ts'
import { createLogger } from '../../../../src/foundation/logger.ts'
import { createMetrics } from '../../../../src/foundation/metrics.ts'
import { FakeClock } from '../../../fakes/fake-clock.ts'

const MIB = 1024 * 1024
const MINUTE_MS = 60_000

function rig() {
  const clock = new FakeClock()
  const disk = { free: 100_000 * MIB, used: 10 * MIB, reusable: 0 }
  const lines: { event?: string; level: string; hoursLeft?: number }[] = []
  const metrics = createMetrics()
  const watch = new DiskWatch({
    freeBytes: async () => disk.free,
    space: () => ({ bytes: disk.used + disk.reusable, reusableBytes: disk.reusable, shrinks: true }),
    clock,
    logger: createLogger({ destination: { write: (line) => void lines.push(JSON.parse(line)) } }),
    metrics,
  })
  /** This many minutes, in each of which the log grows by this much. */
  const pass = async (minutes: number, mib = 0): Promise<void> => {
    for (let n = 0; n < minutes; n++) {
      disk.used += mib * MIB
      disk.free -= mib * MIB
      clock.advance(MINUTE_MS)
      await new Promise(setImmediate)
    }
  }
  const said = () =>
    lines.map(({ level, hoursLeft }) => (hoursLeft === undefined ? level : `${level} ${hoursLeft}h`))
  return { disk, lines, metrics, watch, pass, said }
}

describe('the disk of the audit log', () => {
  it('is reported as low when little is left, once a day, and once more when it is nearly full', async () => {
    const { disk, lines, pass, said } = rig()
    await pass(2)
    assert.equal(lines.length, 0)
    disk.free = 400 * MIB
    await pass(60)
    assert.deepEqual(said(), ['warn'])
    assert.equal(lines[0]?.event, 'audit.disk_low')
    disk.free = 50 * MIB
    await pass(60)
    assert.deepEqual(said(), ['warn', 'error'])
    await pass(24 * 60)
    assert.deepEqual(said(), ['warn', 'error', 'error'])
    disk.free = 100_000 * MIB
    await pass(1)
    disk.free = 400 * MIB
    await pass(1)
    assert.deepEqual(said().slice(3), ['warn'])
  })

  it('is reported as low a week before it is full at the current rate', async () => {
    const { metrics, pass, said } = rig()
    await pass(9, 20)
    assert.deepEqual(said(), []) // too early to know a rate
    await pass(10, 20)
    assert.deepEqual(said(), ['warn 83h'])
    assert.match(metrics.expose(), /^signet_audit_disk_seconds_left 2\d{5}$/m)
  })

  it('counts free pages in the file, and does not count an archive as growth', async () => {
    const { disk, metrics, pass, said } = rig()
    await pass(20, 1)
    disk.used -= 20 * MIB
    disk.reusable += 20 * MIB
    disk.free = 510 * MIB
    await pass(1)
    assert.deepEqual(said(), ['error 9h'])
    assert.match(metrics.expose(), /^signet_audit_disk_room_bytes 555745280$/m)
  })
})
