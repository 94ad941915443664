import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Holder } from '../../../../src/agent/svid-cache/x509-entry.ts'
import { createSvidRig, GRANT, type SvidRig, WORKLOAD } from '../../../support/svid-rig.ts'

const HOLDER: Holder = { streams: 1, living: () => WORKLOAD }

/** Keeps back what the authority signs from now on; returns what lets it arrive. */
function holdAnswers({ issuer }: SvidRig): () => void {
  const { promise, resolve } = Promise.withResolvers<void>()
  const { issueX509, issueJwt } = issuer
  issuer.issueX509 = async (...asked) => {
    const answer = await issueX509.apply(issuer, asked)
    await promise
    return answer
  }
  issuer.issueJwt = async (...asked) => {
    const answer = await issueJwt.apply(issuer, asked)
    await promise
    return answer
  }
  return resolve
}

/** In seconds, as the metrics show it. */
function soonestEnd({ metrics }: SvidRig): number {
  return Number(/signet_svid_expiry_seconds\{identity="web"\} (\S+)/.exec(metrics.expose())?.[1])
}

describe('a lower max_ttl of a role', () => {
  const lower = (seconds: number) => ({ checkRoles: () => ({ maxTtlSeconds: seconds }) })

  it('replaces SVIDs that live longer at once, and only those', async () => {
    const rig = await createSvidRig()
    const svid = await rig.issued()
    const holder = { streams: 1, living: () => WORKLOAD }
    rig.cache.holdX509(GRANT, WORKLOAD, holder)
    const token = await rig.cache.ensureJwt(GRANT, WORKLOAD, ['a'])
    rig.learn(lower(3600))
    await rig.pass(1_000)
    assert.equal(rig.ensure().svid, svid)
    rig.issuer.ttlSeconds = 600
    rig.learn(lower(600))
    await rig.pass(1_000)
    assert.equal(rig.issuer.asked.x509.length, 2)
    assert.notEqual(rig.ensure().svid, svid)
    assert.equal(rig.cache.ensureJwt(GRANT, WORKLOAD, ['a']), token, 'it lives 300 s')
    rig.issuer.jwtTtlSeconds = 60
    rig.issuer.ttlSeconds = 60
    rig.learn(lower(60))
    assert.notEqual((await rig.cache.ensureJwt(GRANT, WORKLOAD, ['a'])).jti, token.jti)
    await rig.pass(1_000)
    rig.learn({ ...lower(60), version: 9 })
    await rig.pass(1_000)
    assert.equal(rig.issuer.asked.x509.length, 3, 'what is short enough is not replaced again')
  })

  it('also replaces what an earlier run saved', async () => {
    const rig = await createSvidRig()
    const svid = await rig.issued()
    const token = await rig.cache.ensureJwt(GRANT, WORKLOAD, ['a'])
    const next = await createSvidRig({ issuer: rig.issuer, clock: rig.clock })
    next.learn(lower(60))
    next.cache.restore(JSON.parse(JSON.stringify(rig.cache.snapshot())))
    rig.issuer.ttlSeconds = rig.issuer.jwtTtlSeconds = 60
    next.cache.holdX509(GRANT, WORKLOAD, { streams: 1, living: () => WORKLOAD })
    await next.pass(1_000)
    assert.notEqual(next.ensure().svid?.serial, svid.serial)
    assert.notEqual((await next.cache.ensureJwt(GRANT, WORKLOAD, ['a'])).jti, token.jti)
  })

  it('also replaces what was under way when it fell', async () => {
    const rig = await createSvidRig()
    const answer = holdAnswers(rig)
    rig.cache.holdX509(GRANT, WORKLOAD, HOLDER)
    const waiting = rig.cache.ensureJwt(GRANT, WORKLOAD, ['a'])
    await rig.turn() // the authority has decided on both
    rig.learn(lower(60))
    rig.issuer.ttlSeconds = rig.issuer.jwtTtlSeconds = 60
    answer()
    const { notBeforeMs, expiresAtMs } = await waiting
    assert.ok(expiresAtMs - notBeforeMs <= 121_000, 'the caller has a short one')
    for (let step = 0; step < 3; step += 1) await rig.pass(1_000)
    assert.equal(rig.issuer.asked.x509.length, 2)
    assert.equal(rig.issuer.asked.jwt.length, 2)
    assert.ok(soonestEnd(rig) <= 60)
  })

  it('does not ask again and again an authority that goes on to issue longer ones', async () => {
    const rig = await createSvidRig()
    const answer = holdAnswers(rig)
    rig.cache.holdX509(GRANT, WORKLOAD, HOLDER)
    const waiting = rig.cache.ensureJwt(GRANT, WORKLOAD, ['a'])
    await rig.turn()
    rig.learn(lower(60))
    answer()
    await waiting
    for (let step = 0; step < 20; step += 1) await rig.pass(1_000)
    assert.equal(rig.issuer.asked.x509.length, 2)
    assert.equal(rig.issuer.asked.jwt.length, 2)
  })
})

describe('a key that is tainted while its SVIDs are under way', () => {
  it('has them replaced, and no token of it handed out', async () => {
    const rig = await createSvidRig()
    const { activeX509KeyId, activeJwtKeyId } = rig.issuer
    const answer = holdAnswers(rig)
    rig.cache.holdX509(GRANT, WORKLOAD, HOLDER)
    const waiting = rig.cache.ensureJwt(GRANT, WORKLOAD, ['a'])
    await rig.turn()
    await rig.issuer.rotate()
    rig.learn({ taintedKeyIds: new Set([activeX509KeyId, activeJwtKeyId]) })
    answer()
    assert.notEqual((await waiting).kid, activeJwtKeyId)
    for (let step = 0; step < 3; step += 1) await rig.pass(1_000)
    assert.deepEqual(rig.ensure().svid?.signedBy, [rig.issuer.activeX509KeyId])
  })
})
