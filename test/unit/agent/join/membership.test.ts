import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { Membership } from '../../../../src/agent/join/membership.ts'
import { JOIN_METHODS } from '../../../../src/agent/join/methods/registry.ts'
import type { StoredIdentity } from '../../../../src/agent/state/bot-identity.ts'
import type { IdentityStore } from '../../../../src/agent/state/identity-file.ts'
import type {
  Appearance,
  AuthorityClient,
  AuthorityDoor,
} from '../../../../src/agent/uplink/authority-door.ts'
import { spkiSha256 } from '../../../../src/crypto/keys.ts'
import { createLogger } from '../../../../src/foundation/logger.ts'
import { createMetrics } from '../../../../src/foundation/metrics.ts'
import { RpcError, StatusCode } from '../../../../src/rpc/status.ts'
import { FakeRandom } from '../../../fakes/fake-random.ts'
import { createTestCa, NOW, signTestLeaf, type TestCa } from '../../../support/crypto-fixtures.ts'
import { RecordingClock, until } from '../../../support/patience.ts'

const LIFE_S = 3600
/** In the middle of the spread, which is where the randomness of these tests stands. */
const RENEWED_AFTER_MS = LIFE_S * 1000 * 0.475

let root: TestCa
let foreign: TestCa
before(async () => {
  root = await createTestCa({ name: 'root' })
  foreign = await createTestCa({ name: 'another root' })
})

const pinOf = ({ key }: TestCa): string => `sha256:${spkiSha256(key.publicKeyDer)}`
const unreachable = (): RpcError => new RpcError(StatusCode.UNAVAILABLE, 'connection refused')
const refusal = (): RpcError =>
  new RpcError(StatusCode.PERMISSION_DENIED, 'refused, reference ABCD-EFGH', { reference: 'ABCD-EFGH' })

interface Asked {
  readonly method: 'Join' | 'Renew'
  readonly publicKey: string
  readonly generation: number
}

/** An authority that certifies who asks, unless the test says otherwise. */
class FakeAuthority implements AuthorityDoor {
  readonly asked: Asked[] = []
  /** Thrown in the place of an answer. */
  fails: (asked: Asked) => Error | undefined = () => undefined
  lifeSeconds = LIFE_S
  /** How far its clock is behind that of the agent. */
  behindSeconds = 0
  open_ = 0
  readonly #clock: RecordingClock
  #instances = 0
  readonly #name: string

  constructor(clock: RecordingClock, name: string) {
    this.#clock = clock
    this.#name = name
  }

  async firstContact() {
    return { root: root.der, trustDomain: 'example.org' }
  }

  async open({ current }: Appearance): Promise<AuthorityClient> {
    this.open_ += 1
    const give = async (method: Asked['method'], publicKey: Buffer) => {
      const generation = method === 'Join' ? 1 : (current?.generation ?? 0) + 1
      const asked = { method, generation, publicKey: publicKey.toString('base64') }
      this.asked.push(asked)
      const failure = this.fails(asked)
      if (failure) throw failure
      if (method === 'Join') this.#instances += 1
      const botInstanceId =
        method === 'Join' ? `${this.#name}-${this.#instances}` : (current?.botInstanceId ?? '')
      return { certificate: this.#certify(publicKey, botInstanceId, generation) }
    }
    const unary = (_service: string, method: 'Renew', { publicKey }: { publicKey: Buffer }) =>
      give(method, publicKey)
    const say = ({ start }: { start: { publicKey: Buffer } }) => give('Join', start.publicKey)
    const converse = () => ({ say, [Symbol.dispose]: () => undefined })
    return { unary, converse, close: () => (this.open_ -= 1) } as unknown as AuthorityClient
  }

  #certify(publicKey: Buffer, botInstanceId: string, generation: number) {
    const now = Math.floor(this.#clock.now().getTime() / 1000) - this.behindSeconds
    const leaf = signTestLeaf(root, publicKey, {
      subject: { commonName: botInstanceId, organization: 'builder', serialNumber: String(generation) },
      notBefore: now - 60,
      notAfter: now + this.lifeSeconds,
    })
    return {
      chain: [leaf],
      roots: [root.der],
      trustDomain: 'example.org',
      bot: 'builder',
      botInstanceId,
      generation: String(generation),
      notAfter: null,
      authorityTime: { seconds: String(now), nanos: 0 },
    }
  }
}

class MemoryStore implements IdentityStore {
  stored: StoredIdentity | undefined

  async save(stored: StoredIdentity): Promise<void> {
    this.stored = stored
  }
}

/** A membership, not yet running; `store` is what an earlier one has left. */
function create(options: { store?: MemoryStore; token?: string; pin?: string } = {}) {
  const { store = new MemoryStore(), token = 'first', pin = pinOf(root) } = options
  const clock = new RecordingClock(NOW * 1000)
  const authority = new FakeAuthority(clock, `by-${token}`)
  const log: { event?: string; msg: string; retryMs?: number }[] = []
  const metrics = createMetrics()
  const membership = new Membership({
    config: {
      join: { token, method: 'secret', secret: { env: 'JOIN_SECRET' } },
      authority: { address: '', pin },
    },
    door: authority,
    store,
    methods: JOIN_METHODS,
    clock,
    random: new FakeRandom(),
    logger: createLogger({ destination: { write: (line) => void log.push(JSON.parse(line)) } }),
    metrics,
    environment: { JOIN_SECRET: 'secret' },
  })
  const abort = new AbortController()
  let running: Promise<void> | undefined
  const run = (): Promise<void> => {
    running ??= membership.run(abort.signal)
    return running
  }
  const asks = (): string[] => authority.asked.map(({ method, generation }) => `${method} ${generation}`)
  return {
    clock,
    authority,
    store,
    membership,
    metrics,
    abort,
    run,
    asks,
    log,
    events: () => log.flatMap(({ event }) => event ?? []),
    retries: () => log.flatMap(({ event, retryMs }) => (event === 'renewal.failed' ? (retryMs ?? []) : [])),
    generation: () => membership.member.value?.current.generation,
    /** Runs it until it is a member and rests. */
    joined: async (): Promise<void> => {
      void run()
      await until(() => membership.member.value !== undefined && clock.waiting === 1)
    },
    [Symbol.asyncDispose]: async () => {
      abort.abort()
      await running?.catch(() => undefined)
    },
  }
}

/** What an agent has on disk that joined with the token `first`. */
async function leftBehind(): Promise<MemoryStore> {
  await using rig = create()
  await rig.joined()
  return rig.store
}

describe('an agent that joins', () => {
  it('is a member, and what it is stands on disk', async () => {
    await using rig = create()
    await rig.joined()
    assert.deepEqual(rig.asks(), ['Join 1'])
    assert.equal(rig.store.stored?.current?.botInstanceId, 'by-first-1')
    assert.equal(rig.membership.member.value, rig.store.stored)
    assert.deepEqual(rig.events(), ['join.accepted'])
    assert.equal(rig.authority.open_, 0, 'the channel is closed')
  })

  it('tries on while it reaches nobody, less and less often, with one key, and says so once', async () => {
    await using rig = create()
    rig.authority.fails = unreachable
    void rig.run()
    // Three quarters of each step, and of 30 s at the most: the jitter of this test stands in the middle.
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

  it('ends with what the operator can do when it is refused', async () => {
    await using rig = create()
    rig.authority.fails = refusal
    await assert.rejects(rig.run(), {
      code: 'ERR_JOIN_REFUSED',
      message: 'join refused, reference ABCD-EFGH: run on the authority: signet audit list --ref ABCD-EFGH',
    })
    assert.equal(rig.membership.member.value, undefined)
  })

  it('ends while it waits, with its signal', async () => {
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
      assert.equal(rig.membership.clockSkewMs, seconds * 1000)
      assert.ok(rig.log.some(({ msg }) => msg.includes(direction)))
      assert.ok(rig.events().includes('clock.skewed'))
    })
  }
})

describe('a member', () => {
  it('renews at about half of the life of each certificate', async () => {
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

  it('looks at the time twice a minute, since timers stand still while a host sleeps', async () => {
    await using rig = create()
    await rig.joined()
    assert.equal(rig.clock.asked.at(-1), 30_000)
    rig.clock.jump(RENEWED_AFTER_MS)
    await rig.clock.pass(30_000)
    await until(() => rig.generation() === 2)
  })

  it('renews at once when the clock was set back to before its certificate', async () => {
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

  it('goes on after a restart, without joining', async () => {
    const store = await leftBehind()
    await using rig = create({ store })
    assert.equal(rig.membership.member.value?.current.botInstanceId, 'by-first-1')
    void rig.run()
    await until(() => rig.clock.waiting === 1)
    assert.deepEqual(rig.asks(), [])
  })

  it('renews at once after a restart when it is late', async () => {
    const store = await leftBehind()
    await using rig = create({ store })
    rig.clock.advance(2 * LIFE_S * 1000)
    void rig.run()
    await until(() => rig.clock.asked.length === 1)
    rig.clock.advance(0)
    await until(() => rig.generation() === 2)
  })

  it('joins where its pin leads when that is another authority', async () => {
    const store = await leftBehind()
    await using rig = create({ store, pin: pinOf(foreign) })
    assert.equal(rig.membership.member.value, undefined)
    assert.deepEqual(rig.events(), ['identity.foreign'])
  })

  it('shows how long its certificate lasts', async () => {
    await using rig = create()
    assert.doesNotMatch(await rig.metrics.expose(), /^signet_bot_identity_expiry_seconds /m)
    await rig.joined()
    rig.clock.advance(1000)
    assert.match(await rig.metrics.expose(), /^signet_bot_identity_expiry_seconds 3599$/m)
  })

  it('ends with its signal, and leaves nothing that waits', async () => {
    const rig = create()
    await rig.joined()
    rig.abort.abort()
    await rig.run()
    assert.equal(rig.clock.waiting, 0)
  })
})

describe('a renewal that fails', () => {
  it('is tried again, with the same key, no sooner than after a second', async () => {
    await using rig = create()
    await rig.joined()
    rig.authority.fails = unreachable
    await rig.clock.pass(RENEWED_AFTER_MS)
    for (let n = 1; n <= 9; n += 1) {
      await until(() => rig.retries().length === n && rig.clock.waiting === 1)
      rig.clock.advance(rig.retries().at(-1) ?? 0)
      // The rest before the next attempt is over as soon as it begins.
      await until(() => rig.clock.waiting === 1)
      rig.clock.advance(1000)
    }
    const pauses = rig.retries()
    assert.equal(Math.min(...pauses), 1000)
    assert.deepEqual(
      pauses.toSorted((a, b) => a - b),
      pauses,
    )
    assert.ok(pauses.at(-1) !== pauses[0], 'less and less often')
    const [, ...renewals] = rig.authority.asked
    assert.equal(new Set(renewals.map(({ publicKey }) => publicKey)).size, 1)
    assert.equal(rig.generation(), 1, 'it works with the certificate that it has')
  })

  it('because the answer is none leaves everything as it was', async () => {
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

  it('goes on as it was when the new token is refused, too, and says so', async () => {
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

  it('does not lead to a join when it may yet succeed, nor without a new token', async () => {
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

describe('an authority that does not take the certificate', () => {
  it('is asked to renew at once, but not again and again', async () => {
    await using rig = create()
    await rig.joined()
    rig.authority.fails = refusal
    rig.membership.refused()
    await until(() => rig.retries().length === 1 && rig.clock.waiting === 1)
    rig.clock.advance(1000)
    await until(() => rig.clock.asked.at(-1) === 30_000)
    rig.membership.refused()
    await setImmediate()
    assert.deepEqual(rig.asks(), ['Join 1', 'Renew 2'])
    await rig.clock.pass(RENEWED_AFTER_MS)
    await until(() => rig.asks().length === 3)
  })

  it('is asked at once for another certificate that it does not take', async () => {
    await using rig = create()
    await rig.joined()
    rig.membership.refused()
    await until(() => rig.generation() === 2 && rig.clock.waiting === 1)
    rig.membership.refused()
    await until(() => rig.generation() === 3)
  })
})
