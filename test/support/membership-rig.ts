import { Membership } from '../../src/agent/join/membership.ts'
import { JOIN_METHODS } from '../../src/agent/join/methods/registry.ts'
import type { StoredIdentity } from '../../src/agent/state/bot-identity.ts'
import type { IdentityStore } from '../../src/agent/state/identity-file.ts'
import type { Appearance, AuthorityClient, AuthorityDoor } from '../../src/agent/uplink/authority-door.ts'
import { ClockSkew } from '../../src/agent/uplink/clock-skew.ts'
import { spkiSha256 } from '../../src/crypto/keys.ts'
import { createLogger } from '../../src/foundation/logger.ts'
import { createMetrics } from '../../src/foundation/metrics.ts'
import { RpcError, StatusCode } from '../../src/rpc/status.ts'
import { FakeRandom } from '../fakes/fake-random.ts'
import { createTestCa, NOW, signTestLeaf, type TestCa } from './crypto-fixtures.ts'
import { RecordingClock, until } from './patience.ts'

export const LIFE_S = 3600

/** The middle of the jitter, because the random numbers of these tests are always 0.5. */
export const RENEWED_AFTER_MS = LIFE_S * 1000 * 0.475

const root = await createTestCa({ name: 'root' })

export const foreign = await createTestCa({ name: 'another root' })

export const pinOf = ({ key }: TestCa): string => `sha256:${spkiSha256(key.publicKeyDer)}`

export const unreachable = (): RpcError => new RpcError(StatusCode.UNAVAILABLE, 'connection refused')

export const refusal = (): RpcError =>
  new RpcError(StatusCode.PERMISSION_DENIED, 'refused, reference ABCD-EFGH', { reference: 'ABCD-EFGH' })

interface Asked {
  readonly method: 'Join' | 'Renew'
  readonly publicKey: string
  readonly generation: number
}

/** An authority that certifies every request, unless the test lets it fail. */
class FakeAuthority implements AuthorityDoor {
  readonly asked: Asked[] = []
  /** Returns the error to throw instead of a response. */
  fails: (asked: Asked) => Error | undefined = () => undefined
  lifeSeconds = LIFE_S
  /** How far its clock is behind the agent's. */
  behindSeconds = 0
  openChannels = 0
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
    this.openChannels += 1
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
    return { unary, converse, close: () => (this.openChannels -= 1) } as unknown as AuthorityClient
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

/** Creates a membership that is not running yet. `store` holds the identity of an earlier one. */
export function create(
  options: { store?: MemoryStore; token?: string; pin?: string; environment?: NodeJS.ProcessEnv } = {},
) {
  const { store = new MemoryStore(), token = 'first', pin = pinOf(root) } = options
  const { environment = { JOIN_SECRET: 'secret' } } = options
  const clock = new RecordingClock(NOW * 1000)
  const authority = new FakeAuthority(clock, `by-${token}`)
  const log: { event?: string; msg: string; retryMs?: number }[] = []
  const metrics = createMetrics()
  const logger = createLogger({ destination: { write: (line) => void log.push(JSON.parse(line)) } })
  const skew = new ClockSkew(clock, logger)
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
    logger,
    skew,
    metrics,
    environment,
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
    skew,
    metrics,
    abort,
    run,
    asks,
    log,
    events: () => log.flatMap(({ event }) => event ?? []),
    retries: () => log.flatMap(({ event, retryMs }) => (event === 'renewal.failed' ? (retryMs ?? []) : [])),
    generation: () => membership.member.value?.current.generation,
    /** Runs it until it has joined and is idle. */
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

/** Returns the stored identity of an agent that joined with the token `first`. */
export async function leftBehind(): Promise<MemoryStore> {
  await using rig = create()
  await rig.joined()
  return rig.store
}
