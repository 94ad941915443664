import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { KnowledgeStore } from '../../../../src/agent/sync/knowledge-store.ts'
import { Sync } from '../../../../src/agent/sync/sync.ts'
import type { AuthorityClient } from '../../../../src/agent/uplink/authority-door.ts'
import { ClockSkew } from '../../../../src/agent/uplink/clock-skew.ts'
import { createLogger } from '../../../../src/foundation/logger.ts'
import { createMetrics } from '../../../../src/foundation/metrics.ts'
import type { SyncResponse__Output } from '../../../../src/rpc/gen/signet/v1/SyncResponse.ts'
import { RpcError, StatusCode } from '../../../../src/rpc/status.ts'
import { FakeRandom } from '../../../fakes/fake-random.ts'
import { createCaKeys } from '../../../support/ca-keys.ts'
import { RecordingClock, until } from '../../../support/patience.ts'

const SILENCE_MS = 65_000
const QUIET: SyncResponse__Output = {
  snapshotBegin: false,
  snapshotEnd: false,
  upserts: [],
  removals: [],
  bot: null,
  bundle: null,
  locks: null,
  federatedBundles: null,
  trustDomain: '',
  authorityTime: null,
}

let spiffeBundle: Buffer
before(async () => {
  spiffeBundle = (await createCaKeys()).bundle.format()
})

/** The first messages for an agent. */
function snapshot(): SyncResponse__Output[] {
  const begin: SyncResponse__Output = {
    ...QUIET,
    snapshotBegin: true,
    trustDomain: 'example.org',
    bot: { name: 'builder', instanceId: '01J', attributesJson: '{}', rolesJson: '' },
    bundle: {
      spiffeBundle,
      taintedKeyIds: [],
      activeX509KeyId: 'x',
      activeJwtKeyId: 'j',
      activeJwtKeyIds: ['j'],
      svidLives: null,
    },
    locks: { locks: [] },
    federatedBundles: { bundles: [], more: false },
  }
  return [begin, { ...QUIET, snapshotEnd: true }]
}

const upsert = (name: string): SyncResponse__Output => ({
  ...QUIET,
  upserts: [{ name, revision: '1', labels: {}, specJson: `{"spiffe_id":"/${name}","allow":[]}` }],
})

/** A stream that the agent opened. The test plays the authority. */
class Stream {
  readonly signal: AbortSignal
  #queue: (SyncResponse__Output | Error | 'end')[] = []
  #wake = Promise.withResolvers<void>()

  constructor(signal: AbortSignal) {
    this.signal = signal
    signal.addEventListener('abort', () => this.send(new RpcError(StatusCode.CANCELLED, 'cancelled')))
  }

  /** Messages, or the error that ends the stream. */
  send(...messages: (SyncResponse__Output | Error | 'end')[]): void {
    this.#queue.push(...messages)
    this.#wake.resolve()
  }

  async *read(): AsyncGenerator<SyncResponse__Output> {
    for (;;) {
      const next = this.#queue.shift()
      if (next === 'end') return
      if (next instanceof Error) throw next
      if (next !== undefined) yield next
      else {
        this.#wake = Promise.withResolvers<void>()
        await this.#wake.promise
      }
    }
  }
}

/** A sync that runs against streams of the test. */
function start() {
  const clock = new RecordingClock()
  const log: { event?: string; msg: string }[] = []
  const destination = { write: (line: string) => void log.push(JSON.parse(line)) }
  const logger = createLogger({ level: 'info', destination })
  const metrics = createMetrics()
  const store = new KnowledgeStore({ clock, logger })
  store.belongTo('example.org')
  const streams: Stream[] = []
  const refused = { times: 0 }
  const mayRenew = { times: 0 }
  const skew = new ClockSkew(clock, logger)
  const unreachable: { error?: Error } = {}
  const client = {
    stream: (_service: string, _method: string, _request: object, { signal }: { signal: AbortSignal }) => {
      const stream = new Stream(signal)
      streams.push(stream)
      return stream.read()
    },
  } as unknown as AuthorityClient
  const sync = new Sync({
    client: () => {
      if (unreachable.error) throw unreachable.error
      return client
    },
    store,
    clock,
    random: new FakeRandom(),
    logger,
    metrics,
    skew,
    onRefused: () => (refused.times += 1),
    onMayRenew: () => (mayRenew.times += 1),
  })
  const abort = new AbortController()
  const running = sync.run(abort.signal)
  /** The n-th stream, once it is open. */
  const stream = async (n: number): Promise<Stream> => {
    await until(() => streams.length >= n)
    return streams[n - 1] as Stream
  }
  /** The pauses between attempts: everything waited for except the watchdog. */
  const pauses = (): number[] => clock.asked.filter((ms) => ms !== SILENCE_MS)
  return {
    clock,
    sync,
    store,
    streams,
    stream,
    pauses,
    refused,
    mayRenew,
    skew,
    unreachable,
    metrics,
    abort,
    running,
    events: () => log.flatMap(({ event }) => event ?? []),
    /** The first stream, in sync. */
    established: async (): Promise<Stream> => {
      const first = await stream(1)
      first.send(...snapshot())
      await until(() => sync.connected)
      return first
    },
    [Symbol.asyncDispose]: async () => {
      abort.abort()
      await running
    },
  }
}

const broken = (): RpcError => new RpcError(StatusCode.UNAVAILABLE, 'connection lost')

describe('the sync of an agent', () => {
  it('is established by a whole snapshot, not before', async () => {
    await using rig = start()
    const first = await rig.stream(1)
    const [begin, end] = snapshot() as [SyncResponse__Output, SyncResponse__Output]
    first.send(begin)
    await setImmediate()
    assert.equal(rig.sync.connected, false)
    first.send(end)
    await until(() => rig.sync.connected)
    assert.ok(rig.store.current.value)
    assert.deepEqual(rig.events(), ['sync.established'])
  })

  it('recovers when the stream breaks, and logs once that it was lost and that it is back', async () => {
    await using rig = start()
    ;(await rig.established()).send(broken())
    await until(() => rig.pauses().length === 1)
    assert.equal(rig.sync.connected, false)
    assert.ok(rig.store.current.value, 'what was known stays known')
    rig.clock.advance(150)
    ;(await rig.stream(2)).send(broken())
    await until(() => rig.pauses().length === 2)
    rig.clock.advance(300)
    ;(await rig.stream(3)).send(...snapshot())
    await until(() => rig.sync.connected)
    assert.deepEqual(rig.events(), ['sync.established', 'sync.lost', 'sync.restored'])
  })

  it('waits longer and longer between attempts, up to 15 s, and starts again with short pauses after a success', async () => {
    await using rig = start()
    for (let n = 1; n <= 9; n += 1) {
      ;(await rig.stream(n)).send(broken())
      await until(() => rig.pauses().length === n)
      rig.clock.advance(rig.pauses().at(-1) ?? 0)
    }
    // Three quarters of each step: this test's jitter is in the middle of its range.
    assert.deepEqual(rig.pauses(), [150, 300, 600, 1200, 2400, 4800, 9600, 11_250, 11_250])
    const last = await rig.stream(10)
    last.send(...snapshot(), broken())
    await until(() => rig.pauses().length === 10)
    assert.equal(rig.pauses().at(-1), 150)
  })

  it('treats an end without an error as a loss', async () => {
    await using rig = start()
    const first = await rig.established()
    first.send('end')
    await until(() => rig.pauses().length === 1)
    assert.deepEqual(rig.events(), ['sync.established', 'sync.lost'])
  })

  it('gives up a stream that is silent for too long, and opens another immediately', async () => {
    await using rig = start()
    const first = await rig.established()
    rig.clock.advance(SILENCE_MS - 1)
    assert.equal(first.signal.aborted, false)
    rig.clock.advance(1)
    assert.equal(first.signal.aborted, true)
    await rig.stream(2)
    assert.deepEqual(rig.pauses(), [])
    assert.deepEqual(rig.events(), ['sync.established', 'sync.lost'])
  })

  it('keeps a stream that sends only heartbeats', async () => {
    await using rig = start()
    const first = await rig.established()
    for (let n = 0; n < 5; n += 1) {
      const fed = rig.clock.asked.length
      rig.clock.advance(SILENCE_MS - 1)
      first.send(QUIET)
      await until(() => rig.clock.asked.length > fed)
    }
    assert.equal(rig.streams.length, 1)
    assert.equal(first.signal.aborted, false)
  })

  it('starts again immediately with a new bot certificate, and does not log that as a loss', async () => {
    await using rig = start()
    const first = await rig.established()
    rig.sync.restart()
    assert.equal(first.signal.aborted, true)
    ;(await rig.stream(2)).send(...snapshot())
    await until(() => rig.sync.connected)
    assert.deepEqual(rig.pauses(), [])
    assert.deepEqual(rig.events(), ['sync.established'])
  })

  it('stops waiting when there is a new bot certificate', async () => {
    await using rig = start()
    ;(await rig.stream(1)).send(broken())
    await until(() => rig.pauses().length === 1)
    rig.sync.restart()
    await rig.stream(2)
    assert.equal(rig.clock.monotonicMs(), 0)
  })

  it('requests a snapshot when the authority calls a claim stale and no change arrives', async () => {
    await using rig = start()
    const first = await rig.established()
    rig.sync.suspectStale()
    rig.sync.suspectStale()
    rig.clock.advance(999)
    assert.equal(first.signal.aborted, false)
    rig.clock.advance(1)
    await rig.stream(2)
    assert.deepEqual(rig.pauses(), [1000])
  })

  it('requests none when the change was on its way', async () => {
    await using rig = start()
    const first = await rig.established()
    rig.sync.suspectStale()
    first.send(upsert('web'))
    await until(() => rig.store.current.value?.policy.size === 1)
    rig.clock.advance(1000)
    await setImmediate()
    assert.equal(rig.streams.length, 1)
    rig.sync.suspectStale() // and the next one is looked at again
    rig.clock.advance(1000)
    await rig.stream(2)
  })

  it('asks a refusing authority again only after minutes', async () => {
    await using rig = start()
    await rig.established()
    for (let n = 1; n <= 8; n += 1) {
      ;(await rig.stream(n)).send(new RpcError(StatusCode.PERMISSION_DENIED, 'no'))
      await until(() => rig.pauses().length === n)
      rig.clock.advance(rig.pauses().at(-1) ?? 0)
    }
    assert.deepEqual(rig.pauses(), [11_250, 22_500, 45_000, 90_000, 180_000, 225_000, 225_000, 225_000])
  })

  it('hears of a lock before any snapshot, and that it was lifted', async () => {
    await using rig = start()
    const first = await rig.stream(1)
    const lock = { name: 'stop', bot: 'builder', target: 'bot', expiresMs: '0' } as const
    first.send({ ...QUIET, locks: { locks: [lock] } })
    await until(() => rig.sync.connected)
    assert.equal(rig.store.botLock, 'a lock on the bot of this agent')
    assert.equal(rig.mayRenew.times, 0)
    first.send(...snapshot())
    await until(() => rig.store.current.value !== undefined)
    assert.equal(rig.store.botLock, undefined)
    assert.equal(rig.mayRenew.times, 1)
  })

  it('says how far the clocks differ now, also after the clock of this host was set', async () => {
    await using rig = start()
    const first = await rig.established()
    const seconds = String(rig.clock.now().getTime() / 1000 + 20)
    first.send({ ...QUIET, authorityTime: { seconds, nanos: 0 } })
    await until(() => rig.skew.ms !== undefined)
    assert.equal(rig.skew.ms, -20_000)
    rig.clock.advance(5_000)
    assert.equal(rig.skew.ms, -20_000)
    rig.clock.jump(180_000)
    assert.equal(rig.skew.ms, 160_000)
    const later = String(rig.clock.now().getTime() / 1000 - 160)
    for (let n = 0; n < 3; n += 1) first.send({ ...QUIET, authorityTime: { seconds: later, nanos: 0 } })
    await until(() => rig.events().includes('clock.skewed'))
    assert.deepEqual(
      rig.events().filter((event) => event === 'clock.skewed'),
      ['clock.skewed'],
    )
  })

  const statuses: readonly (readonly [keyof typeof StatusCode, number, boolean])[] = [
    ['PERMISSION_DENIED', 1, true],
    ['FAILED_PRECONDITION', 1, false],
    ['UNAVAILABLE', 0, false],
    ['INTERNAL', 0, false],
  ]
  for (const [name, refusals, locked] of statuses) {
    it(`that ends with ${name} ${refusals ? 'leads to a renewal' : 'is tried again only'}${locked ? '; until then nothing is handed out' : ''}`, async () => {
      await using rig = start()
      ;(await rig.established()).send(new RpcError(StatusCode[name], 'no'))
      await until(() => rig.pauses().length === 1)
      assert.equal(rig.refused.times, refusals)
      assert.equal(rig.store.current.value?.botLock !== undefined, locked)
    })
  }

  it('keeps trying while there is no bot certificate', async () => {
    await using rig = start()
    ;(await rig.established()).send(broken())
    rig.unreachable.error = new RpcError(StatusCode.UNAVAILABLE, 'not joined yet')
    await until(() => rig.pauses().length === 1)
    rig.clock.advance(150)
    await until(() => rig.pauses().length === 2)
    delete rig.unreachable.error
    rig.clock.advance(300)
    await rig.stream(2)
  })

  it('discards half a snapshot when the stream breaks', async () => {
    await using rig = start()
    const first = await rig.stream(1)
    const [begin, end] = snapshot() as [SyncResponse__Output, SyncResponse__Output]
    first.send(begin, broken())
    await until(() => rig.pauses().length === 1)
    rig.clock.advance(150)
    ;(await rig.stream(2)).send(end)
    await setImmediate()
    assert.equal(rig.store.current.value, undefined)
  })

  it('recovers from a malformed message', async () => {
    await using rig = start()
    const [begin] = snapshot() as [SyncResponse__Output]
    ;(await rig.established()).send({ ...begin, trustDomain: 'evil.example' })
    await until(() => rig.pauses().length === 1)
    rig.clock.advance(150)
    await rig.stream(2)
    assert.deepEqual(rig.events(), ['sync.established', 'sync.lost'])
  })

  it('stops when its signal aborts, and leaves nothing waiting', async () => {
    const rig = start()
    await rig.established()
    rig.abort.abort()
    await rig.running
    assert.equal(rig.clock.waiting, 0)
    assert.deepEqual(rig.events(), ['sync.established'])
  })

  it('exports the time since the authority was last heard from, and nothing before it ever was', async () => {
    await using rig = start()
    assert.doesNotMatch(rig.metrics.expose(), /^signet_sync_age_seconds /m)
    await rig.established()
    rig.clock.advance(7000)
    assert.match(rig.metrics.expose(), /^signet_sync_age_seconds 7$/m)
  })
})
