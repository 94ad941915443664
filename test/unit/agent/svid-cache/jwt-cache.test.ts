import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import type { CachedJwtSvid } from '../../../../src/agent/svid-cache/jwt-issue.ts'
import { RpcError, StatusCode } from '../../../../src/rpc/status.ts'
import { createSvidRig, GRANT, type SvidRig, WORKLOAD } from '../../../support/svid-rig.ts'

describe('JWT-SVIDs', () => {
  let rig: SvidRig
  before(async () => {
    rig = await createSvidRig()
  })
  const ensure = (r: SvidRig, ...audiences: string[]) => r.cache.ensureJwt(GRANT, WORKLOAD, audiences)

  it('are issued once for concurrent callers and then served without waiting', async () => {
    const [first, second] = await Promise.all([ensure(rig, 'a'), ensure(rig, 'a')])
    assert.equal(first, second)
    assert.equal(ensure(rig, 'a'), first)
    assert.equal(rig.issuer.asked.jwt.length, 1)
  })

  it('differ by the set of audiences', async () => {
    const one = await ensure(rig, 'a')
    const both = await ensure(rig, 'a', 'b')
    assert.notEqual(one.token, both.token)
  })

  it('are refreshed after half of their life while the old one is served', async () => {
    const own = await createSvidRig()
    const first = await ensure(own, 'a')
    await own.pass(160_000)
    assert.equal(ensure(own, 'a'), first)
    await own.turn()
    const second = ensure(own, 'a') as CachedJwtSvid
    assert.notEqual(second.token, first.token)
    assert.equal(own.issuer.asked.jwt.length, 2)
  })

  it('are waited for when the old one is nearly expired, and the old one is served when there is no new one', async () => {
    const own = await createSvidRig()
    const first = await ensure(own, 'a')
    await own.pass(260_000)
    own.issuer.fails = () => new TypeError('unreachable')
    assert.equal(await ensure(own, 'a'), first)
  })

  it('are never served after they expire', async () => {
    const own = await createSvidRig()
    await ensure(own, 'a')
    await own.pass(300_000)
    own.issuer.fails = () => new TypeError('unreachable')
    await assert.rejects(async () => ensure(own, 'a'), { message: 'unreachable' })
  })

  // Each attempt is a row in the authority's audit log, which a caller in a loop must not fill.
  it("that the authority has refused are not requested again soon, unless the agent's knowledge has changed", async () => {
    const own = await createSvidRig()
    own.issuer.fails = () => new RpcError(StatusCode.PERMISSION_DENIED, 'refused, reference 7F3K')
    for (let call = 0; call < 3; call += 1) {
      await assert.rejects(async () => ensure(own, 'a'), { kind: 'permission_denied' })
    }
    assert.equal(own.issuer.asked.jwt.length, 1)
    own.learn({})
    await assert.rejects(async () => ensure(own, 'a'), { kind: 'permission_denied' })
    assert.equal(own.issuer.asked.jwt.length, 2)
    own.issuer.fails = () => undefined
    await own.pass(2_000)
    assert.ok((await ensure(own, 'a')).token)
  })

  it('that can never be issued as requested are not requested again soon either', async () => {
    const own = await createSvidRig()
    own.issuer.fails = () => new RpcError(StatusCode.INVALID_ARGUMENT, 'ask for one at a time')
    for (let call = 0; call < 3; call += 1) {
      await assert.rejects(async () => ensure(own, 'a', 'b'), { kind: 'invalid_argument' })
    }
    assert.equal(own.issuer.asked.jwt.length, 1)
  })

  it('that could not be issued for another reason are requested for the next caller', async () => {
    const own = await createSvidRig()
    own.issuer.fails = () => new RpcError(StatusCode.UNAVAILABLE, 'away')
    await assert.rejects(async () => ensure(own, 'a'), { kind: 'unavailable' })
    own.issuer.fails = () => undefined
    assert.ok((await ensure(own, 'a')).token)
  })

  it('signed by a tainted key are dropped immediately', async () => {
    const own = await createSvidRig()
    const first = await ensure(own, 'a')
    await own.issuer.rotate()
    own.learn({ taintedKeyIds: new Set([first.kid]) })
    const second = await ensure(own, 'a')
    assert.notEqual(second.kid, first.kid)
  })

  it('signed by a key of another algorithm are valid while that key signs', async () => {
    const own = await createSvidRig()
    const first = await ensure(own, 'a')
    own.learn({ activeJwtKeyIds: new Set(['rs256', first.kid]) })
    assert.equal(ensure(own, 'a'), first)
    await own.turn()
    assert.equal(own.issuer.asked.jwt.length, 1)
    own.learn({ activeJwtKeyIds: new Set(['rs256']) })
    assert.equal(ensure(own, 'a'), first)
    await own.turn()
    assert.equal(own.issuer.asked.jwt.length, 2)
  })

  it('signed by a key that is no longer active are replaced at the next occasion', async () => {
    const own = await createSvidRig()
    const first = await ensure(own, 'a')
    await own.issuer.rotate()
    own.learn({})
    assert.equal(ensure(own, 'a'), first)
    await own.turn()
    assert.notEqual((await ensure(own, 'a')).kid, first.kid)
  })

  it('for other audiences than requested are refused', async () => {
    const own = await createSvidRig()
    const issue = own.issuer.issueJwt.bind(own.issuer)
    own.issuer.issueJwt = (claim) => issue(claim, ['other'])
    await assert.rejects(async () => ensure(own, 'a'), { code: 'ERR_SVID_UNUSABLE' })
  })

  it('of one user are kept, however many audiences another requests, also across a restart', async () => {
    const own = await createSvidRig()
    const kept = await ensure(own, 'a')
    const flood = { unix: { uid: 1001 } }
    for (let n = 0; n < 8_300; n += 1) await own.cache.ensureJwt(GRANT, flood, [`flood-${n}`])
    assert.equal(ensure(own, 'a'), kept)
    const next = await createSvidRig(own)
    next.cache.restore(JSON.parse(JSON.stringify(own.cache.snapshot())))
    assert.equal((ensure(next, 'a') as CachedJwtSvid).token, kept.token)
  })
})
