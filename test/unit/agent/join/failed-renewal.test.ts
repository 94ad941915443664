import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import {
  create,
  leftBehind,
  RENEWED_AFTER_MS,
  refusal,
  unreachable,
} from '../../../support/membership-rig.ts'
import { until } from '../../../support/patience.ts'

describe('a renewal that fails', () => {
  it('is tried again with the same key, after one second at the earliest', async () => {
    await using rig = create()
    await rig.joined()
    rig.authority.fails = unreachable
    await rig.clock.pass(RENEWED_AFTER_MS)
    for (let n = 1; n <= 9; n += 1) {
      await until(() => rig.retries().length === n && rig.clock.waiting === 1)
      rig.clock.advance(rig.retries().at(-1) ?? 0)
      // The wait before the next attempt ends as soon as it begins.
      await until(() => rig.clock.waiting === 1)
      rig.clock.advance(1000)
    }
    const pauses = rig.retries()
    assert.equal(Math.min(...pauses), 1000)
    assert.deepEqual(
      pauses.toSorted((a, b) => a - b),
      pauses,
    )
    assert.ok(pauses.at(-1) !== pauses[0], 'the pauses grow')
    const [, ...renewals] = rig.authority.asked
    assert.equal(new Set(renewals.map(({ publicKey }) => publicKey)).size, 1)
    assert.equal(rig.generation(), 1, 'the current certificate stays in use')
  })

  it('because the answer is malformed leaves everything as it was', async () => {
    await using rig = create()
    await rig.joined()
    rig.authority.lifeSeconds = -10
    await rig.clock.pass(RENEWED_AFTER_MS)
    await until(() => rig.retries().length === 1)
    assert.equal(rig.store.stored?.current?.generation, 1)
  })

  it('because it was refused leads to a join when there is a new token', async () => {
    const store = await leftBehind()
    await using rig = create({ store, token: 'second' })
    rig.authority.fails = ({ method }) => (method === 'Renew' ? refusal() : undefined)
    void rig.run()
    await until(() => rig.clock.waiting === 1)
    rig.membership.refused()
    await until(() => rig.asks().length === 2 && rig.clock.waiting === 1)
    assert.deepEqual(rig.asks(), ['Renew 2', 'Join 1'])
    assert.equal(rig.store.stored?.joinToken, 'second')
    assert.equal(rig.membership.member.value?.current.botInstanceId, 'by-second-1')
    assert.deepEqual(rig.events(), ['renewal.failed', 'join.accepted'])
  })

  it('goes on with the old certificate when the new token is refused, too, and logs it', async () => {
    const store = await leftBehind()
    await using rig = create({ store, token: 'second' })
    rig.authority.fails = refusal
    void rig.run()
    await until(() => rig.clock.waiting === 1)
    rig.membership.refused()
    await until(() => rig.events().includes('join.failed') && rig.clock.waiting === 1)
    assert.equal(rig.generation(), 1)
    assert.equal(rig.retries().length, 1)
  })

  it('goes on with the old certificate when the join with the new token fails for now', async () => {
    const store = await leftBehind()
    await using rig = create({ store, token: 'second' })
    rig.authority.fails = ({ method }) => (method === 'Renew' ? refusal() : unreachable())
    void rig.run()
    await until(() => rig.clock.waiting === 1)
    rig.membership.refused()
    await until(() => rig.events().includes('join.failed') && rig.clock.waiting === 1)
    assert.equal(rig.generation(), 1)
    assert.equal(rig.retries().length, 1)
  })

  it('does not lead to a join while it may still succeed, nor without a new token', async () => {
    for (const [token, failure] of [
      ['second', unreachable],
      ['first', refusal],
    ] as const) {
      const store = await leftBehind()
      await using rig = create({ store, token })
      rig.authority.fails = failure
      void rig.run()
      await until(() => rig.clock.waiting === 1)
      rig.membership.refused()
      await until(() => rig.retries().length === 1 && rig.clock.waiting === 1)
      assert.deepEqual(rig.asks(), ['Renew 2'])
    }
  })
})

describe('an authority that refuses renewals', () => {
  it('is asked again only after minutes, and at once when its refusal may be over', async () => {
    await using rig = create()
    await rig.joined()
    rig.authority.fails = refusal
    await rig.clock.pass(RENEWED_AFTER_MS)
    for (let n = 1; n <= 5; n += 1) {
      await until(() => rig.retries().length === n && rig.clock.waiting === 1)
      rig.clock.advance(rig.retries().at(-1) ?? 0)
      await until(() => rig.clock.waiting === 1)
      rig.clock.advance(1000)
    }
    assert.deepEqual(rig.retries().slice(0, 5), [22_500, 45_000, 90_000, 180_000, 225_000])
    await until(() => rig.retries().length === 6 && rig.clock.waiting === 1)
    assert.equal(rig.membership.renewing.failing?.count, 6)
    rig.authority.fails = () => undefined
    rig.membership.refusalMayBeOver()
    await until(() => rig.clock.waiting === 1)
    rig.clock.advance(1000)
    await until(() => rig.generation() === 2)
    assert.equal(rig.membership.renewing.failing, undefined)
  })
})

describe('an authority that rejects the certificate', () => {
  it('is asked to renew immediately, but not again and again', async () => {
    await using rig = create()
    await rig.joined()
    rig.authority.fails = refusal
    rig.membership.refused()
    await until(() => rig.retries().length === 1 && rig.clock.waiting === 1)
    rig.clock.advance(rig.retries().at(-1) ?? 0)
    await until(() => rig.clock.asked.at(-1) === 30_000)
    rig.membership.refused()
    await setImmediate()
    assert.deepEqual(rig.asks(), ['Join 1', 'Renew 2'])
    await rig.clock.pass(RENEWED_AFTER_MS)
    await until(() => rig.asks().length === 3)
  })

  it('is asked immediately for another certificate that it rejects', async () => {
    await using rig = create()
    await rig.joined()
    rig.membership.refused()
    await until(() => rig.generation() === 2 && rig.clock.waiting === 1)
    rig.membership.refused()
    await until(() => rig.generation() === 3)
  })
})
