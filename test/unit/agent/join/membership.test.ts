import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  create,
  foreign,
  LIFE_S,
  leftBehind,
  pinOf,
  RENEWED_AFTER_MS,
  refusal,
  unreachable,
} from '../../../support/membership-rig.ts'
import { until } from '../../../support/patience.ts'

describe('an agent that joins', () => {
  it('becomes a member and stores its identity on disk', async () => {
    await using rig = create()
    await rig.joined()
    assert.deepEqual(rig.asks(), ['Join 1'])
    assert.equal(rig.store.stored?.current?.botInstanceId, 'by-first-1')
    assert.equal(rig.membership.member.value, rig.store.stored)
    assert.deepEqual(rig.events(), ['join.accepted'])
    assert.equal(rig.authority.openChannels, 0, 'the channel is closed')
  })

  it('retries with growing pauses and one key while it reaches nobody, and logs that once', async () => {
    await using rig = create()
    rig.authority.fails = unreachable
    void rig.run()
    // Three quarters of each step, and of 30 s at the most: this test's jitter is in the middle of
    // its range.
    const longestMs = 22_500
    let beforeMs = 0
    for (let n = 1; beforeMs < longestMs; n += 1) {
      await until(() => rig.clock.asked.length === n)
      const pauseMs = rig.clock.asked.at(-1) ?? 0
      assert.ok(n === 1 ? pauseMs < 1000 : Math.abs(pauseMs - Math.min(2 * beforeMs, longestMs)) <= 1)
      rig.clock.advance(pauseMs)
      beforeMs = pauseMs
    }
    assert.deepEqual(rig.events(), ['join.failed'])
    rig.authority.fails = () => undefined
    await until(() => rig.clock.waiting === 1)
    rig.clock.advance(longestMs)
    await until(() => rig.membership.member.value !== undefined)
    assert.equal(new Set(rig.authority.asked.map(({ publicKey }) => publicKey)).size, 1)
  })

  it('stops when it is refused, and says what the operator can do', async () => {
    await using rig = create()
    rig.authority.fails = refusal
    await assert.rejects(rig.run(), {
      code: 'ERR_JOIN_REFUSED',
      message: 'join refused, reference ABCD-EFGH: run on the authority: signet audit list --ref ABCD-EFGH',
    })
    assert.equal(rig.membership.member.value, undefined)
  })

  it('stops when it has no secret, and asks nobody', async () => {
    await using rig = create({ environment: {} })
    await assert.rejects(rig.run(), { code: 'ERR_SECRET_UNAVAILABLE' })
    assert.deepEqual(rig.asks(), [])
  })

  it('tries again after a failure of its host', async () => {
    await using rig = create()
    rig.authority.fails = () => Object.assign(new Error('i/o error'), { code: 'EIO' })
    void rig.run()
    await until(() => rig.clock.waiting === 1)
    assert.deepEqual(rig.events(), ['join.failed'])
    rig.authority.fails = () => undefined
    rig.clock.advance(1000)
    await until(() => rig.membership.member.value !== undefined)
  })

  it('stops waiting when its signal aborts', async () => {
    await using rig = create()
    rig.authority.fails = unreachable
    const running = rig.run()
    await until(() => rig.clock.waiting === 1)
    rig.abort.abort()
    await running
    assert.equal(rig.clock.waiting, 0)
  })

  for (const [direction, seconds] of [
    ['ahead of', 45],
    ['behind', -45],
  ] as const) {
    it(`says that its clock is ${direction} the authority's`, async () => {
      await using rig = create()
      rig.authority.behindSeconds = seconds
      await rig.joined()
      assert.equal(rig.skew.ms, seconds * 1000)
      assert.ok(rig.log.some(({ msg }) => msg.includes(direction)))
      assert.ok(rig.events().includes('clock.skewed'))
    })
  }
})

describe('a member', () => {
  it("renews at about half of each certificate's life", async () => {
    await using rig = create()
    await rig.joined()
    await rig.clock.pass(RENEWED_AFTER_MS - 1)
    assert.deepEqual(rig.asks(), ['Join 1'])
    rig.clock.advance(1)
    await until(() => rig.generation() === 2 && rig.clock.waiting === 1)
    await rig.clock.pass(RENEWED_AFTER_MS)
    await until(() => rig.generation() === 3)
    assert.deepEqual(rig.asks(), ['Join 1', 'Renew 2', 'Renew 3'])
    assert.equal(rig.membership.member.value?.current.botInstanceId, 'by-first-1')
    assert.deepEqual(rig.events(), ['join.accepted', 'renewal.accepted', 'renewal.accepted'])
  })

  it('checks the time twice a minute, because timers stop while a host sleeps', async () => {
    await using rig = create()
    await rig.joined()
    assert.equal(rig.clock.asked.at(-1), 30_000)
    rig.clock.jump(RENEWED_AFTER_MS)
    await rig.clock.pass(30_000)
    await until(() => rig.generation() === 2)
  })

  it('renews immediately when the clock is set back to before its certificate', async () => {
    await using rig = create()
    await rig.joined()
    rig.clock.jump(-LIFE_S * 1000 - 60_000)
    await rig.clock.pass(30_000)
    await until(() => rig.authority.asked.length === 2)
    assert.deepEqual(rig.asks(), ['Join 1', 'Renew 2'])
  })

  it('does not ask more than once a second, however short its certificates are', async () => {
    await using rig = create()
    rig.authority.lifeSeconds = 1
    await rig.joined()
    assert.equal(rig.clock.asked.at(-1), 1000)
  })

  it('continues after a restart without joining', async () => {
    const store = await leftBehind()
    await using rig = create({ store })
    assert.equal(rig.membership.member.value?.current.botInstanceId, 'by-first-1')
    void rig.run()
    await until(() => rig.clock.waiting === 1)
    assert.deepEqual(rig.asks(), [])
  })

  it('renews immediately after a restart when it is late', async () => {
    const store = await leftBehind()
    await using rig = create({ store })
    rig.clock.advance(2 * LIFE_S * 1000)
    void rig.run()
    await until(() => rig.clock.asked.length === 1)
    rig.clock.advance(0)
    await until(() => rig.generation() === 2)
  })

  it('joins the authority of its pin when that is another one', async () => {
    const store = await leftBehind()
    await using rig = create({ store, pin: pinOf(foreign) })
    assert.equal(rig.membership.member.value, undefined)
    assert.deepEqual(rig.events(), ['identity.foreign'])
  })

  it('exports how long its certificate lasts', async () => {
    await using rig = create()
    assert.doesNotMatch(rig.metrics.expose(), /^signet_bot_identity_expiry_seconds /m)
    await rig.joined()
    rig.clock.advance(1000)
    assert.match(rig.metrics.expose(), /^signet_bot_identity_expiry_seconds 3599$/m)
  })

  it('stops when its signal aborts, and leaves nothing waiting', async () => {
    const rig = create()
    await rig.joined()
    rig.abort.abort()
    await rig.run()
    assert.equal(rig.clock.waiting, 0)
  })
})
