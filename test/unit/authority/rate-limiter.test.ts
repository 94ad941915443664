import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { RateLimiter } from '../../../src/authority/rate-limiter.ts'
import { addressKey } from '../../../src/rpc/address-key.ts'
import { FakeClock } from '../../fakes/fake-clock.ts'

const refused = { code: 'ERR_AUTHORITY_RATE_LIMITED' }

describe('RateLimiter', () => {
  it('lets a burst through, then one per interval', () => {
    const clock = new FakeClock()
    const limiter = new RateLimiter({ perSecond: 2, burst: 3, maxKeys: 10 }, clock)
    for (let i = 0; i < 3; i++) limiter.take('a')
    assert.throws(() => limiter.take('a'), refused)
    clock.advance(500)
    limiter.take('a')
    assert.throws(() => limiter.take('a'), refused)
  })
  it('takes several together, or none of them', () => {
    const limiter = new RateLimiter({ perSecond: 1, burst: 3, maxKeys: 10 }, new FakeClock())
    limiter.take('a', 2)
    assert.throws(() => limiter.take('a', 2), refused)
    assert.equal(limiter.tryTake('a', 1), true)
    assert.equal(limiter.tryTake('a', 1), false)
  })
  it('counts each key separately', () => {
    const limiter = new RateLimiter({ perSecond: 1, burst: 1, maxKeys: 10 }, new FakeClock())
    limiter.take('a')
    limiter.take('b')
    assert.throws(() => limiter.take('a'), refused)
  })
  it('saves up no more than the burst', () => {
    const clock = new FakeClock()
    const limiter = new RateLimiter({ perSecond: 1, burst: 2, maxKeys: 10 }, clock)
    limiter.take('a')
    clock.advance(3_600_000)
    limiter.take('a')
    limiter.take('a')
    assert.throws(() => limiter.take('a'), refused)
  })
  it('drops the least recently used key when there are too many', () => {
    const limiter = new RateLimiter({ perSecond: 0, burst: 1, maxKeys: 2 }, new FakeClock())
    limiter.take('a')
    limiter.take('b')
    limiter.take('c')
    limiter.take('a') // dropped, hence free again
    assert.throws(() => limiter.take('c'), refused)
  })
})

describe('addressKey', () => {
  const cases: readonly (readonly [string, string])[] = [
    ['192.0.2.7', '192.0.2.7'],
    ['::ffff:192.0.2.7', '192.0.2.7'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
    ['2001:DB8:1:2::9', '2001:db8:1:2'],
    ['2001:db8::1', '2001:db8:0:0'],
    ['fe80::1%eth0', 'fe80:0:0:0'],
    ['::1', '0:0:0:0'],
    ['', ''],
  ]
  for (const [address, key] of cases) {
    it(`maps ${JSON.stringify(address)} to ${JSON.stringify(key)}`, () => {
      assert.equal(addressKey(address), key)
    })
  }
})
