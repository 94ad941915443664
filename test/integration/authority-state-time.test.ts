import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseCertificate, verifyChain } from '../../src/crypto/x509.ts'
import { FakeClock } from '../fakes/fake-clock.ts'
import {
  type AuthorityState,
  createToken,
  DAY_MS,
  HOUR_MS,
  join,
  newKey,
  openState,
  pass,
  shown,
  temporaryDirectory,
} from '../support/authority-state.ts'

const MINUTE_MS = 60_000

async function fixture(lifetimes: Parameters<typeof openState>[0]['lifetimes'] = {}) {
  const place = await temporaryDirectory()
  const clock = new FakeClock()
  const reopen = () => openState({ dataDir: place.path, clock, lifetimes })
  return { place, clock, reopen, [Symbol.asyncDispose]: () => place[Symbol.asyncDispose]() }
}

const seconds = (clock: FakeClock) => clock.now().getTime() / 1000
const bundleOf = (state: AuthorityState) => state.keys.current().bundle
const activeOf = (state: AuthorityState) => {
  const { activeX509KeyId, activeJwtKeyId, signer, pin } = state.keys.current()
  return [activeX509KeyId, activeJwtKeyId, signer('control_issuing').keyId, pin]
}

/**
 * Checks what an agent with the right time needs: signers and a listener certificate that are valid
 * now.
 */
function assertServes(state: AuthorityState, clock: FakeClock): void {
  const { signer, jwt, serverTls, controlRoots } = state.keys.current()
  const [x509, controlIssuing] = [signer('spiffe_x509'), signer('control_issuing')]
  const now = seconds(clock)
  for (const { notAfter } of [x509, jwt, controlIssuing]) assert.ok(notAfter > now)
  for (const { notBefore } of [x509, controlIssuing]) assert.ok(notBefore <= now)
  verifyChain(serverTls.chain.slice(0, 2).map(parseCertificate), controlRoots.map(parseCertificate), now)
}

describe('a host that was suspended', () => {
  for (const days of [1, 11, 21, 40, 100]) {
    it(`for ${days} days signs within seconds of resuming, and rotates on request`, async () => {
      await using fixed = await fixture()
      await using state = await fixed.reopen()
      fixed.clock.suspend(days * DAY_MS)
      await pass(state, fixed.clock, 5_000)
      assertServes(state, fixed.clock)
      await state.keys.rotate('spiffe_x509', true, 'uid:0')
    })
  }

  it('and whose monotonic clock also stopped, as in a virtual machine, signs within seconds, too', async () => {
    await using fixed = await fixture({ control_issuing: 3600, spiffe_ca: 3600, jwt_key: 3600 })
    await using state = await fixed.reopen()
    fixed.clock.jump(3 * HOUR_MS)
    await pass(state, fixed.clock, 5_000)
    assertServes(state, fixed.clock)
  })
})

describe('an authority clock that is wrong for ten minutes', () => {
  for (const [direction, sign] of [
    ['ahead', 1],
    ['behind', -1],
  ] as const) {
    for (const [span, ms] of [
      ['10 minutes', 10 * MINUTE_MS],
      ['12 days', 12 * DAY_MS],
      ['22 days', 22 * DAY_MS],
      ['40 days', 40 * DAY_MS],
    ] as const) {
      it(`${direction} by ${span} removes no key from the bundle, and has no lasting effect`, async () => {
        await using fixed = await fixture()
        await using state = await fixed.reopen()
        await pass(state, fixed.clock, 5 * DAY_MS, DAY_MS)
        const before = bundleOf(state)
        const active = activeOf(state)
        const holdsAll = (): boolean =>
          before.x509Authorities.every((der) =>
            bundleOf(state).x509Authorities.some((each) => each.equals(der)),
          )
        fixed.clock.jump(sign * ms)
        for (let minute = 0; minute < 10; minute += 1) {
          await pass(state, fixed.clock, MINUTE_MS)
          assert.ok(holdsAll())
        }
        fixed.clock.jump(-sign * ms)
        await pass(state, fixed.clock, 5_000)
        assertServes(state, fixed.clock)
        assert.ok(holdsAll())
        assert.deepEqual(activeOf(state), active)
      })

      it(`${direction} by ${span}, with a restart meanwhile, does the same`, async () => {
        await using fixed = await fixture()
        const first = await fixed.reopen()
        const before = bundleOf(first)
        await first[Symbol.asyncDispose]()
        fixed.clock.jump(sign * ms)
        await using second = await fixed.reopen()
        const [authority] = before.x509Authorities
        const holds = (state: AuthorityState): boolean =>
          bundleOf(state).x509Authorities.some((each) => authority !== undefined && each.equals(authority))
        await pass(second, fixed.clock, 10 * MINUTE_MS, MINUTE_MS)
        assert.ok(holds(second))
        fixed.clock.jump(-sign * ms)
        await pass(second, fixed.clock, 5_000)
        assertServes(second, fixed.clock)
        assert.ok(holds(second))
      })
    }
  }

  it('and that a reboot hides, so that keys were rotated, recovers with the right time', async () => {
    await using fixed = await fixture()
    await (await fixed.reopen())[Symbol.asyncDispose]()
    await using later = await openState({
      dataDir: fixed.place.path,
      clock: new FakeClock(fixed.clock.now().getTime() + 25 * DAY_MS), // its monotonic clock starts again
    })
    const clock = later.clock as FakeClock
    await pass(later, clock, 10 * DAY_MS, DAY_MS)
    clock.jump(-35 * DAY_MS + 5 * MINUTE_MS)
    await pass(later, clock, 5_000)
    assertServes(later, clock)
  })
})

describe('a resource with an expiry', () => {
  it('neither expires nor revives because the clock jumped ahead for a while', async () => {
    await using fixed = await fixture()
    await using state = await fixed.reopen()
    const { clock } = fixed
    const endsIn = (ms: number) => ({ expiresMs: clock.now().getTime() + ms })
    const secret = await createToken(state, endsIn(HOUR_MS))
    const certificate = await join(state, await newKey(), secret)
    const other = await createToken(state, { name: 'other', ...endsIn(HOUR_MS) })
    const spec = { target: { bot: 'lost' }, reason: 'stolen' }
    await state.datastore.transaction((tx) =>
      state.resources.put(tx, {
        ...{ kind: 'lock', name: 'lost', spec },
        metadata: { labels: {}, ...endsIn(2 * HOUR_MS) },
      }),
    )
    const isLocked = (): boolean => state.locks.check({ bot: 'lost' }) !== undefined
    clock.jump(30 * DAY_MS)
    assert.ok(isLocked())
    await pass(state, clock, 10 * MINUTE_MS, MINUTE_MS)
    assert.ok(isLocked())
    assert.equal(state.locks.watch.value.length, 1)
    state.bots.use(shown(certificate))
    await join(state, await newKey(), other, { joinToken: 'other' })
    clock.jump(-30 * DAY_MS)
    await pass(state, clock, HOUR_MS, MINUTE_MS)
    await assert.rejects(join(state, await newKey(), other, { joinToken: 'other' }), { code: 'ERR_REFUSED' })
    assert.ok(isLocked())
    await pass(state, clock, HOUR_MS, MINUTE_MS)
    assert.ok(!isLocked())
  })
})

describe('the bundle', () => {
  it('has a new, higher sequence whenever a byte of it changes', async () => {
    await using fixed = await fixture({ spiffe_ca: 7 * 86_400, jwt_key: 5 * 86_400 })
    await using state = await fixed.reopen()
    const seen = new Map<bigint, string>()
    let last = 0n
    const look = (): void => {
      const { sequence = 0n } = bundleOf(state)
      const text = bundleOf(state).format().toString()
      assert.equal(seen.get(sequence) ?? text, text)
      assert.ok(sequence >= last)
      seen.set(sequence, text)
      last = sequence
    }
    using _subscription = state.keys.watch.subscribe(look)
    await pass(state, fixed.clock, 20 * DAY_MS, HOUR_MS)
    await state.keys.rotate('jwt', true, 'uid:0')
    await state.keys.rotate('jwt', true, 'uid:0')
    assert.ok(seen.size > 15, String(seen.size))
  })

  it('has a sequence of at least the time, so that an older database cannot bring an older one back', async () => {
    await using fixed = await fixture()
    const first = await fixed.reopen()
    assert.equal(bundleOf(first).sequence, BigInt(seconds(fixed.clock)))
    await first[Symbol.asyncDispose]()
    fixed.clock.advance(HOUR_MS)
    await using again = await fixed.reopen()
    assert.equal(bundleOf(again).sequence, BigInt(seconds(fixed.clock)))
  })

  it('continues its sequence after the clock was set back', async () => {
    await using fixed = await fixture()
    await using state = await fixed.reopen()
    const { sequence = 0n } = bundleOf(state)
    fixed.clock.jump(-30 * DAY_MS)
    await state.keys.rotate('jwt', true, 'uid:0')
    assert.ok((bundleOf(state).sequence ?? 0n) > sequence)
  })

  for (const [lifetimes, most] of [
    [{ jwt_key: 600 }, 25],
    [{ spiffe_ca: 600 }, 25],
    [{ jwt_key: 60, spiffe_ca: 7200 }, 2],
    [{}, 300],
  ] as const) {
    it(`has a refresh hint of at most ${most} s for key lifetimes ${JSON.stringify(lifetimes)}: a quarter of the time for which keys are published in advance`, async () => {
      await using fixed = await fixture(lifetimes)
      await using state = await fixed.reopen()
      assert.equal(bundleOf(state).refreshHintSeconds, most)
    })
  }
})

describe('changes of keys', () => {
  it('that fall due during others are not delayed', async () => {
    await using fixed = await fixture({ jwt_key: 600, spiffe_ca: 600 })
    await using state = await fixed.reopen()
    await pass(state, fixed.clock, 200_000)
    // The changes that are due at half of the life take so long that another falls due meanwhile.
    const transaction = state.datastore.transaction.bind(state.datastore)
    let isSlow = true
    state.datastore.transaction = (task) => {
      if (isSlow) fixed.clock.advance(101_000)
      isSlow = false
      return transaction(task)
    }
    await pass(state, fixed.clock, 100_000)
    const [before] = activeOf(state)
    await pass(state, fixed.clock, 10)
    assert.notEqual(activeOf(state)[0], before)
  })
})
