import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { describe, it } from 'node:test'
import type { Holder } from '../../../../src/agent/svid-cache/x509-entry.ts'
import { splitDer } from '../../../../src/crypto/x509.ts'
import { validateX509Svid } from '../../../../src/spiffe/x509-svid.ts'
import { createSvidRig, GRANT, WORKLOAD } from '../../../support/svid-rig.ts'

const HOUR = 3_600_000
const HOLDER: Holder = { streams: 1, living: () => WORKLOAD }

describe('X.509-SVIDs', () => {
  it('are issued once for all who ask at the same time, and then served from memory', async () => {
    const rig = await createSvidRig()
    assert.equal(rig.ensure().svid, undefined)
    assert.equal(rig.ensure().svid, undefined)
    await rig.changed()
    assert.ok(rig.ensure().svid)
    assert.equal(rig.issuer.asked.x509.length, 1)
  })

  it('validate against the bundle and have a matching key', async () => {
    const rig = await createSvidRig()
    const svid = await rig.issued()
    const { leaf, spiffeId } = validateX509Svid(
      splitDer(svid.chainDer),
      rig.issuer.bundle(),
      rig.clock.now().getTime() / 1000,
    )
    assert.equal(spiffeId.toString(), 'spiffe://example.org/web')
    assert.equal(leaf.serial, svid.serial)
  })

  it('tell the authority which identity, which revision, and what the caller is', async () => {
    const rig = await createSvidRig()
    await rig.issued()
    assert.deepEqual(rig.issuer.asked.x509, [
      {
        workloadIdentity: 'web',
        revision: '1',
        spiffeId: 'spiffe://example.org/web',
        keyType: 'ec-p256',
        workloadAttributes: WORKLOAD,
        asked: { occasion: 'call', holders: 0, askedMs: rig.clock.now().getTime() },
      },
    ])
  })

  it('are renewed at half of their life with a new key, while the old one is served', async () => {
    const rig = await createSvidRig()
    const first = await rig.issued()
    rig.clock.advance(HOUR / 2 - 60_000)
    assert.equal(rig.issuer.asked.x509.length, 1)
    const signing = Promise.withResolvers<void>()
    rig.issuer.before = () => signing.promise
    await rig.pass(90_000)
    assert.equal(rig.issuer.asked.x509.length, 2)
    assert.equal(rig.ensure().svid, first)
    signing.resolve()
    await rig.changed()
    const second = rig.ensure().svid
    assert.notEqual(second?.serial, first.serial)
    assert.notDeepEqual(second?.keyDer, first.keyDer)
  })

  for (const [fraction, minutes] of [
    [0, 27],
    [1, 33],
  ] as const) {
    it(`are renewed after ${minutes} of 60 minutes when the draw is ${fraction}`, async () => {
      const rig = await createSvidRig()
      rig.random.nextFraction = fraction
      const svid = await rig.issued()
      assert.equal(Math.round((svid.renewAtMs - svid.receivedMs) / 60_000), minutes)
    })
  }

  it('are served until they expire when they cannot be renewed, and not a moment longer', async () => {
    const rig = await createSvidRig()
    await rig.issued()
    rig.cache.holdX509(GRANT, WORKLOAD, HOLDER)
    rig.issuer.fails = () => new TypeError('unreachable')
    for (let minute = 0; minute < 59; minute += 1) await rig.pass(60_000)
    assert.ok(rig.ensure().svid)
    assert.ok(rig.issuer.asked.x509.length > 3)
    await rig.pass(70_000)
    assert.equal(rig.ensure().svid, undefined)
    assert.ok(rig.ensure().failure)
  })

  it('recover on their own when the authority is back', async () => {
    const rig = await createSvidRig()
    rig.issuer.fails = () => new TypeError('unreachable')
    rig.cache.holdX509(GRANT, WORKLOAD, HOLDER)
    await rig.changed()
    rig.issuer.fails = () => undefined
    for (let second = 0; second < 5 && !rig.ensure().svid; second += 1) await rig.pass(1_000)
    assert.ok(rig.ensure().svid)
  })

  it('are not requested again during the pause after a failure', async () => {
    const rig = await createSvidRig()
    rig.issuer.fails = () => new TypeError('unreachable')
    rig.ensure()
    await rig.changed()
    rig.ensure()
    rig.ensure()
    assert.equal(rig.issuer.asked.x509.length, 1)
  })

  it("are tried again immediately when the agent's knowledge has changed", async () => {
    const rig = await createSvidRig()
    rig.issuer.fails = () => new TypeError('refused')
    rig.cache.holdX509(GRANT, WORKLOAD, HOLDER)
    await rig.changed()
    for (let second = 0; second < 8; second += 1) await rig.pass(1_000)
    const asked = rig.issuer.asked.x509.length // the next attempt would be seconds away
    rig.learn({})
    await rig.pass(30)
    assert.equal(rig.issuer.asked.x509.length, asked + 1)
  })

  it('are not renewed when nobody asked during one lifetime', async () => {
    const rig = await createSvidRig()
    await rig.issued()
    for (let hour = 0; hour < 5; hour += 1) for (let part = 0; part < 60; part += 1) await rig.pass(60_000)
    assert.equal(rig.issuer.asked.x509.length, 2)
    assert.equal(rig.cache.size, 0)
  })

  it('are renewed as long as a stream holds them', async () => {
    const rig = await createSvidRig()
    rig.cache.holdX509(GRANT, WORKLOAD, HOLDER)
    for (let hour = 0; hour < 3; hour += 1) for (let part = 0; part < 60; part += 1) await rig.pass(60_000)
    assert.ok(rig.issuer.asked.x509.length >= 6)
    rig.cache.releaseX509(GRANT, HOLDER)
    for (let hour = 0; hour < 3; hour += 1) for (let part = 0; part < 60; part += 1) await rig.pass(60_000)
    assert.equal(rig.cache.size, 0)
  })

  it('are issued again soon after another CA became active', async () => {
    const rig = await createSvidRig()
    await rig.issued()
    await rig.issuer.rotate()
    rig.learn({})
    await rig.pass(3_000)
    assert.equal(rig.issuer.asked.x509.length, 2)
    await rig.pass(60_000)
    assert.equal(rig.issuer.asked.x509.length, 2)
  })

  it('are issued again immediately when their CA is tainted', async () => {
    const rig = await createSvidRig()
    await rig.issued()
    const tainted = new Set([rig.issuer.activeX509KeyId])
    await rig.issuer.rotate()
    rig.random.nextFraction = 0.999
    rig.learn({ taintedKeyIds: tainted })
    await rig.pass(20)
    assert.equal(rig.issuer.asked.x509.length, 2)
  })

  it('are dropped when the identity has another revision and no stream holds them', async () => {
    const rig = await createSvidRig()
    await rig.issued()
    rig.learn({}, { web: { revision: '2', spiffe_id: '/web', allow: [{ when: 'true' }] } })
    assert.equal(rig.cache.size, 0)
  })

  it('with another key, or from a CA that is not in the bundle, are never served', async () => {
    const rig = await createSvidRig()
    await rig.issuer.rotate() // signs with a CA that the agent has not heard of
    rig.ensure()
    await rig.changed()
    assert.equal(rig.ensure().svid, undefined)
    assert.equal((rig.ensure().failure as { code: string }).code, 'ERR_SVID_UNUSABLE')
  })

  it('notice a wall clock that was set forward', async () => {
    const rig = await createSvidRig()
    await rig.issued()
    rig.clock.jump(2 * HOUR)
    assert.equal(rig.ensure().svid, undefined)
  })

  // A host that starts with its clock hours ahead finds everything expired. It used to wait for those
  // hours after the clock was corrected.
  it('are tried again when the wall clock was set back meanwhile', async () => {
    const rig = await createSvidRig()
    rig.issuer.fails = () => new TypeError('unreachable')
    rig.cache.holdX509(GRANT, WORKLOAD, HOLDER)
    await rig.changed()
    rig.clock.jump(-10 * HOUR)
    rig.issuer.fails = () => undefined
    for (let second = 0; second < 10; second += 1) await rig.pass(1_000)
    assert.ok(rig.ensure().svid)
  })

  it('are served to a caller that asks after the wall clock was set back', async () => {
    const rig = await createSvidRig()
    rig.issuer.fails = () => new TypeError('unreachable')
    rig.ensure()
    await rig.changed()
    rig.clock.jump(-10 * HOUR)
    rig.issuer.fails = () => undefined
    rig.ensure()
    await rig.turn()
    assert.ok(rig.ensure().svid)
  })

  it('are issued again once when the wall clock was set back since they arrived', async () => {
    const rig = await createSvidRig()
    rig.cache.holdX509(GRANT, WORKLOAD, HOLDER)
    await rig.changed()
    rig.clock.jump(-10 * HOUR)
    for (let second = 0; second < 20; second += 1) await rig.pass(1_000)
    assert.equal(rig.issuer.asked.x509.length, 2)
  })
})

describe('a snapshot', () => {
  it('serves no stored SVID that the current bundle does not verify, and has another issued', async () => {
    const rig = await createSvidRig()
    const svid = await rig.issued()
    const next = await createSvidRig({ clock: rig.clock })
    next.cache.restore(JSON.parse(JSON.stringify(rig.cache.snapshot())))
    assert.equal(next.ensure().svid, undefined)
    await next.changed()
    assert.notEqual(next.ensure().svid?.serial, svid.serial)
  })

  it('serves no stored SVID whose key or SPIFFE ID is not its own', async () => {
    const rig = await createSvidRig()
    await rig.issued()
    const sealed = JSON.parse(JSON.stringify(rig.cache.snapshot()))
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const other = privateKey.export({ type: 'pkcs8', format: 'der' }).toString('base64')
    for (const change of [
      { privateKey: other },
      { spiffeId: 'spiffe://example.org/other' },
      { chain: 'MAA=' },
    ]) {
      const next = await createSvidRig({ issuer: rig.issuer, clock: rig.clock })
      next.cache.restore({ ...sealed, x509: [{ ...sealed.x509[0], ...change }] })
      assert.equal(next.ensure().svid, undefined, JSON.stringify(Object.keys(change)))
    }
    assert.ok(rig.ensure().svid)
  })

  it('serves a restarted agent what it had, without the authority', async () => {
    const rig = await createSvidRig()
    const svid = await rig.issued()
    const token = await rig.cache.ensureJwt(GRANT, WORKLOAD, ['a'])
    const sealed = JSON.parse(JSON.stringify(rig.cache.snapshot()))
    const next = await createSvidRig({ issuer: rig.issuer, clock: rig.clock })
    next.cache.restore(sealed)
    rig.issuer.fails = () => new TypeError('unreachable')
    assert.deepEqual(next.ensure().svid, svid)
    assert.deepEqual(next.cache.ensureJwt(GRANT, WORKLOAD, ['a']), token)
  })

  it('serves nothing that has expired since', async () => {
    const rig = await createSvidRig()
    await rig.issued()
    const sealed = rig.cache.snapshot()
    rig.clock.advance(2 * HOUR)
    const next = await createSvidRig({ issuer: rig.issuer, clock: rig.clock })
    next.cache.restore(sealed)
    assert.equal(next.cache.size, 0)
  })

  for (const snapshot of [undefined, null, 7, 'x', {}, { version: 2, x509: [], jwt: [] }, { version: 1 }]) {
    it(`is ignored when it is ${JSON.stringify(snapshot)}`, async () => {
      const rig = await createSvidRig()
      rig.cache.restore(snapshot)
      assert.equal(rig.cache.size, 0)
    })
  }
})

describe('metrics', () => {
  it('show when the SVID of each identity expires and how requests ended', async () => {
    const rig = await createSvidRig()
    await rig.issued()
    const text = rig.metrics.expose()
    assert.match(text, /signet_svid_expiry_seconds\{identity="web"\} 3600/)
    assert.match(text, /signet_issue_total\{kind="x509_svid",result="issued"\} 1/)
  })
})
