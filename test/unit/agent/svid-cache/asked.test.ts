import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createSvidRig, GRANT, type SvidRig } from '../../../support/svid-rig.ts'

const HOUR = 3_600_000
const workload = (pid: number) => ({ unix: { uid: 1000, pid } })
const asks = (rig: SvidRig) =>
  rig.issuer.asked.x509.map(({ workloadAttributes, asked }) => ({ workloadAttributes, asked }))

describe('the process for which an X.509-SVID is requested', () => {
  it('is the one that asks now, not one that had the same identity before', async () => {
    const rig = await createSvidRig()
    rig.cache.ensureX509(GRANT, workload(1))
    await rig.changed()
    for (let minute = 0; minute < 200; minute += 1) await rig.pass(60_000) // nobody asks for it: it ends
    rig.cache.ensureX509(GRANT, workload(2))
    await rig.changed()
    const told = asks(rig).filter(({ asked }) => asked.occasion === 'call')
    assert.deepEqual(
      told.map(({ workloadAttributes }) => workloadAttributes),
      [workload(1), workload(2)],
    )
  })

  it('is, for a renewal, one that still holds it, with the number of holders', async () => {
    const rig = await createSvidRig()
    const living = { pid: 1 }
    rig.cache.holdX509(GRANT, workload(1), { streams: 3, living: () => workload(living.pid) })
    await rig.changed()
    living.pid = 2 // the first has gone
    await rig.pass(0.6 * HOUR)
    const { workloadAttributes, asked } = asks(rig).at(-1) ?? {}
    assert.deepEqual(workloadAttributes, workload(2))
    assert.deepEqual([asked?.occasion, asked?.holders], ['renewal', 3])
  })

  it('is, for a renewal that nobody holds any more, the last that asked, with the time', async () => {
    const rig = await createSvidRig()
    rig.cache.ensureX509(GRANT, workload(1))
    await rig.changed()
    await rig.pass(60_000)
    rig.cache.ensureX509(GRANT, workload(2))
    const askedMs = rig.clock.now().getTime()
    await rig.pass(0.6 * HOUR)
    const { workloadAttributes, asked } = asks(rig).at(-1) ?? {}
    assert.deepEqual(workloadAttributes, workload(2))
    assert.deepEqual(asked, { occasion: 'renewal', holders: 0, askedMs })
  })

  it('survives a restart', async () => {
    const first = await createSvidRig()
    first.cache.ensureX509(GRANT, workload(7))
    const askedMs = first.clock.now().getTime()
    await first.changed()
    const next = await createSvidRig({ issuer: first.issuer, clock: first.clock })
    next.cache.restore(JSON.parse(JSON.stringify(first.cache.snapshot())))
    await next.pass(0.6 * HOUR)
    const { workloadAttributes, asked } = asks(next).at(-1) ?? {}
    assert.deepEqual(workloadAttributes, workload(7))
    assert.deepEqual(asked, { occasion: 'renewal', holders: 0, askedMs })
  })
})
