import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { FakeClock } from '../../../fakes/fake-clock.ts'
import { FakeIssuer } from '../../../fakes/fake-issuer.ts'
import { createSvidRig, GRANT, type SvidRig, WORKLOAD } from '../../../support/svid-rig.ts'

const MINUTE = 60_000
const HOUR = 3_600_000
const DAY = 24 * HOUR
const NOON = '2026-06-01T12:00:00Z'

/** Agent and authority each have a clock; `pass` advances both. */
async function twoClocks(): Promise<SvidRig & { readonly authority: FakeClock }> {
  const authority = new FakeClock(NOON)
  const issuer = await FakeIssuer.create(authority)
  const rig = await createSvidRig({ issuer, clock: new FakeClock(NOON) })
  return {
    ...rig,
    authority,
    pass: async (ms) => {
      authority.advance(ms)
      await rig.pass(ms)
    },
  }
}

async function restarted(rig: SvidRig & { readonly authority: FakeClock }) {
  const sealed = JSON.parse(JSON.stringify(rig.cache.snapshot()))
  const next = await createSvidRig({ issuer: rig.issuer, clock: rig.clock })
  next.cache.restore(sealed)
  return next
}

const unreachable = () => new TypeError('unreachable')
const code = (failure: unknown): string => (failure as { code: string }).code

describe("a stored SVID while the agent's clock is wrong", () => {
  for (const [what, ms] of [
    ['10 minutes behind', -10 * MINUTE],
    ['10 minutes ahead', 10 * MINUTE],
    ['3 days behind', -3 * DAY],
    ['3 days ahead', 3 * DAY],
  ] as const) {
    it(`by being ${what} comes back with the right time, without the authority`, async () => {
      const rig = await twoClocks()
      const svid = await rig.issued()
      rig.issuer.fails = unreachable
      rig.clock.jump(ms)
      const during = rig.ensure().svid
      assert.ok(
        during === undefined || (during.notBeforeMs <= rig.clock.now().getTime() && ms === 10 * MINUTE),
      )
      for (let second = 0; second < 60; second += 1) await rig.pass(1_000)
      rig.clock.jump(-ms)
      assert.equal(rig.ensure().svid, svid)
    })

    it(`by being ${what} outlives a restart meanwhile, without the authority`, async () => {
      const rig = await twoClocks()
      const svid = await rig.issued()
      rig.issuer.fails = unreachable
      rig.clock.jump(ms)
      const next = await restarted(rig)
      await next.pass(5_000)
      const again = await restarted({ ...next, authority: rig.authority })
      rig.clock.jump(-ms)
      assert.equal(again.ensure().svid?.serial, svid.serial)
    })
  }

  it('is pushed to streams when the clock is right again', async () => {
    const rig = await twoClocks()
    rig.cache.holdX509(GRANT, WORKLOAD, { streams: 1, living: () => WORKLOAD })
    await rig.changed()
    rig.issuer.fails = unreachable
    rig.clock.jump(-10 * MINUTE)
    await rig.pass(6_000)
    assert.equal(rig.ensure().svid, undefined)
    const changed = rig.changed()
    rig.clock.jump(10 * MINUTE)
    await rig.pass(6_000)
    await changed
    assert.ok(rig.ensure().svid)
  })

  it('is not kept longer than it could be valid', async () => {
    const rig = await twoClocks()
    await rig.issued()
    rig.issuer.fails = unreachable
    rig.clock.jump(3 * DAY)
    for (let minute = 0; minute < 64; minute += 1) await rig.pass(MINUTE)
    rig.clock.jump(-3 * DAY)
    assert.equal(rig.ensure().svid, undefined)
    assert.deepEqual(rig.cache.snapshot().x509, [])
  })

  it('is gone for good after a suspend that was longer than its life', async () => {
    const rig = await twoClocks()
    await rig.issued()
    rig.issuer.fails = unreachable
    rig.clock.suspend(2 * HOUR)
    assert.equal(rig.ensure().svid, undefined)
    assert.deepEqual(rig.cache.snapshot().x509, [])
  })
})

describe('an SVID that is not valid yet when it arrives', () => {
  it('is held back, logged with the clock, and delivered when it becomes valid', async () => {
    const rig = await twoClocks()
    rig.authority.jump(10 * MINUTE)
    rig.cache.holdX509(GRANT, WORKLOAD, { streams: 1, living: () => WORKLOAD })
    await rig.changed()
    const { svid, failure } = rig.ensure()
    assert.equal(svid, undefined)
    assert.equal(code(failure), 'ERR_SVID_NOT_VALID_NOW')
    assert.match(String((failure as Error).message), /this host's clock says 2026-06-01T12:00:0/)
    const [first] = rig.cache.snapshot().x509
    await rig.pass(8 * MINUTE)
    assert.equal(rig.ensure().svid, undefined)
    rig.issuer.fails = unreachable
    await rig.pass(MINUTE + 6_000)
    assert.equal(rig.ensure().svid?.serial, first?.serial)
  })

  it('does not replace one that is valid', async () => {
    const rig = await twoClocks()
    const old = await rig.issued()
    rig.authority.jump(10 * MINUTE)
    await rig.pass(34 * MINUTE)
    assert.ok(rig.issuer.asked.x509.length > 1)
    assert.equal(rig.ensure().svid, old)
    await rig.pass(9 * MINUTE)
    assert.notEqual(rig.ensure().svid, old)
    assert.ok(rig.ensure().svid)
  })

  it('is requested again now and then, and a valid one is used when the authority has the right time', async () => {
    const rig = await twoClocks()
    rig.authority.jump(3 * DAY)
    rig.cache.holdX509(GRANT, WORKLOAD, { streams: 1, living: () => WORKLOAD })
    for (let minute = 0; minute < 20; minute += 1) await rig.pass(MINUTE)
    assert.ok(rig.issuer.asked.x509.length < 40, String(rig.issuer.asked.x509.length))
    assert.ok(rig.cache.snapshot().x509.length <= 2)
    rig.authority.jump(-3 * DAY)
    await rig.pass(70_000)
    assert.ok(rig.ensure().svid)
  })

  it('and has expired for an agent ahead of time is valid once the clock is right', async () => {
    const rig = await twoClocks()
    rig.clock.jump(3 * HOUR)
    rig.cache.holdX509(GRANT, WORKLOAD, { streams: 1, living: () => WORKLOAD })
    await rig.changed()
    assert.equal(rig.ensure().svid, undefined)
    rig.issuer.fails = unreachable
    rig.clock.jump(-3 * HOUR)
    assert.ok(rig.ensure().svid)
  })
})

describe('a JWT-SVID', () => {
  const ensure = (rig: SvidRig) => rig.cache.ensureJwt(GRANT, WORKLOAD, ['a'])

  it('is returned on an agent that is behind by less than verifiers allow', async () => {
    const rig = await twoClocks()
    rig.clock.jump(-50_000)
    assert.ok(await ensure(rig))
  })

  it('that is not valid yet is held back, not requested again at each call, and returned with the right time', async () => {
    const rig = await twoClocks()
    rig.clock.jump(-10 * MINUTE)
    for (let call = 0; call < 5; call += 1) {
      await assert.rejects(async () => ensure(rig), { code: 'ERR_SVID_NOT_VALID_NOW', kind: 'unavailable' })
    }
    assert.equal(rig.issuer.asked.jwt.length, 1)
    rig.issuer.fails = unreachable
    rig.clock.jump(10 * MINUTE)
    assert.ok(await ensure(rig))
  })

  it('that was stored comes back with the right time, without the authority, also after a restart', async () => {
    const rig = await twoClocks()
    const { token } = await ensure(rig)
    rig.issuer.fails = unreachable
    rig.clock.jump(3 * DAY)
    await assert.rejects(async () => ensure(rig), /unreachable/)
    const next = await restarted(rig)
    rig.clock.jump(-3 * DAY)
    assert.equal((await ensure(rig)).token, token)
    assert.equal((await ensure(next)).token, token)
  })
})
