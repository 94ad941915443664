import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import { SyncSession } from '../../../../src/authority/api/sync-session.ts'
import type { ActiveLock, LockSubject } from '../../../../src/authority/bots/locks.ts'
import type { KeysInUse } from '../../../../src/authority/keys/keys-in-use.ts'
import { BotViews } from '../../../../src/authority/resources/bot-view.ts'
import { Watchable } from '../../../../src/foundation/watchable.ts'
import type { SyncResponse } from '../../../../src/rpc/gen/signet/v1/SyncResponse.ts'
import { type CaKeys, createCaKeys } from '../../../support/ca-keys.ts'
import {
  botYaml,
  federationYaml,
  identityYaml,
  openCatalogue,
  roleYaml,
} from '../../../support/catalogue-rig.ts'

const START = identityYaml('one') + identityYaml('two', '', 'b') + roleYaml('a') + botYaml('builder', ['a'])
const INSTANCE = { id: '01J', bot: 'builder', joinToken: 'first', joinMethod: 'secret', joinAttributes: {} }
const HEARTBEAT_MS = 20_000
const LIFE_S = 3600

let keys: CaKeys
before(async () => {
  keys = await createCaKeys()
})

const lock = (name: string, target: LockSubject): ActiveLock => ({
  name,
  target,
  reason: 'test',
  expiresMs: undefined,
})

/** A session of the bot `builder` over a catalogue in memory. Its messages are read one by one. */
async function openSession(yaml = START, locked: readonly ActiveLock[] = []) {
  const rig = await openCatalogue(yaml)
  const views = new BotViews(rig.catalogue)
  const inUse = new Watchable(keys as KeysInUse) // agents do not get the rest of it
  const locks = new Watchable(locked)
  const instances = new Watchable(0)
  const standing = { mayStay: true, uses: 0 }
  const abort = new AbortController()
  const session = new SyncSession(
    {
      views,
      defaultLives: { x509TtlSeconds: 3600, jwtTtlSeconds: 300 },
      keys: inUse,
      locks,
      instances,
      clock: rig.clock,
      judged: rig.clock,
      trustDomain: 'example.org',
      attributesJson: ({ id }) => `{"id":"${id}"}`,
      rolesJson: (bot) => JSON.stringify(rig.catalogue.roles(bot).map(({ name }) => name)),
    },
    {
      ...INSTANCE,
      notAfter: Math.floor(rig.clock.now().getTime() / 1000) + LIFE_S,
      mayStay: () => standing.mayStay,
      use: () => standing.uses++,
    },
  )
  const messages = session.messages(abort.signal)
  const next = async (): Promise<SyncResponse> => {
    const { value, done } = await messages.next()
    assert.ok(!done, 'the stream has ended')
    return value
  }
  /** Requests the next message before it runs `cause`, so that the session is at rest when that happens. */
  const nextAfter = async (cause: () => unknown): Promise<SyncResponse> => {
    const told = next()
    await new Promise(setImmediate)
    await cause()
    return told
  }
  const snapshot = async (): Promise<SyncResponse[]> => {
    const all = [await next()]
    while (all.at(-1)?.snapshotEnd !== true) all.push(await next())
    return all
  }
  return {
    ...rig,
    inUse,
    locks,
    instances,
    standing,
    abort,
    session,
    messages,
    next,
    nextAfter,
    snapshot,
    [Symbol.asyncDispose]: async () => {
      abort.abort()
      session[Symbol.dispose]()
      await messages.return(undefined)
      views[Symbol.dispose]()
      await rig[Symbol.asyncDispose]()
    },
  }
}

const lockNames = ({ locks }: SyncResponse) => locks?.locks?.map(({ name }) => name)
const names = ({ upserts }: SyncResponse): (string | undefined)[] => (upserts ?? []).map(({ name }) => name)

/** Asserts that the message is only a heartbeat. */
function assertQuiet(message: SyncResponse): void {
  assert.deepEqual(message, { removals: [], upserts: [] })
}

describe('a sync session', () => {
  it('begins with a whole snapshot of what the bot may know', async () => {
    await using rig = await openSession()
    const [begin, page, end, ...rest] = await rig.snapshot()
    assert.equal(begin?.snapshotBegin, true)
    assert.equal(begin.trustDomain, 'example.org')
    assert.deepEqual(begin.bot, {
      name: 'builder',
      instanceId: '01J',
      attributesJson: '{"id":"01J"}',
      rolesJson: '["a"]',
    })
    assert.equal(begin.bundle?.activeX509KeyId, keys.activeX509KeyId)
    assert.deepEqual(begin.locks, { locks: [] })
    assert.deepEqual(names(page ?? {}), ['one'])
    assert.ok(end)
    assert.deepEqual(rest, [])
  })

  it('splits a long snapshot into messages that every client accepts', async () => {
    const big = `hint: "${'x'.repeat(1000)}"`
    const many = Array.from({ length: 400 }, (_, n) => identityYaml(`i${n}`, big)).join('')
    await using rig = await openSession(START + many)
    const pages = (await rig.snapshot()).slice(1, -1)
    assert.ok(pages.length > 1)
    for (const page of pages) assert.ok(JSON.stringify(page).length < 1024 * 1024)
    assert.equal(pages.flatMap(names).length, 401)
  })

  it("sends what is created, changed and deleted, and the bot's current facts", async () => {
    await using rig = await openSession()
    await rig.snapshot()
    assert.deepEqual(names(await rig.nextAfter(() => rig.put(identityYaml('three')))), ['three'])
    const gone = await rig.nextAfter(() => rig.remove('workload_identity', 'one'))
    assert.deepEqual([gone.removals, gone.upserts], [['one'], []])
    const other = await rig.nextAfter(() => rig.put(botYaml('builder', [])))
    assert.deepEqual(other.removals, ['three'])
    assert.equal(other.bot?.rolesJson, '[]')
  })

  it('sends the whole list of foreign bundles, at first and when one is created, changed or deleted', async () => {
    const partners = identityYaml('three', 'federates_with: [a.example, b.example]')
    await using rig = await openSession(START + partners + federationYaml('a.example'))
    const list = ({ federatedBundles }: SyncResponse): unknown[] | undefined =>
      federatedBundles?.bundles?.map(({ trustDomain, spiffeBundle = '' }) => {
        return [trustDomain, JSON.parse(spiffeBundle.toString()).spiffe_sequence]
      })
    const [begin = {}] = await rig.snapshot()
    assert.deepEqual(list(begin), [['a.example', 1]])
    const made = await rig.nextAfter(() => rig.put(federationYaml('b.example', 7)))
    assert.deepEqual(list(made), [
      ['a.example', 1],
      ['b.example', 7],
    ])
    const changed = await rig.nextAfter(() => rig.put(federationYaml('b.example', 8)))
    assert.deepEqual(list(changed)?.at(-1), ['b.example', 8])
    const gone = await rig.nextAfter(() => rig.remove('federation', 'a.example'))
    assert.deepEqual(list(gone), [['b.example', 8]])
    const other = await rig.nextAfter(() => rig.put(identityYaml('one', 'hint: x')))
    assert.equal(list(other), undefined)
  })

  it('splits a long list of foreign bundles into messages that every client accepts', async () => {
    const domains = Array.from({ length: 20 }, (_, index) => `p${String(index).padStart(2, '0')}.example`)
    const federations = domains
      .map((name) => federationYaml(name, 1, `fill: ${'x'.repeat(200_000)}`))
      .join('')
    const partners = identityYaml('three', `federates_with: [${domains.join(', ')}]`)
    await using rig = await openSession(START + partners + federations)
    const takeList = (messages: readonly SyncResponse[]): void => {
      const pages = messages.flatMap(({ federatedBundles }) => federatedBundles ?? [])
      assert.deepEqual(
        pages.flatMap(({ bundles }) => bundles?.map(({ trustDomain }) => trustDomain)),
        domains,
      )
      assert.deepEqual(
        pages.map(({ more }) => more),
        pages.map((page) => page !== pages.at(-1)),
      )
      for (const { bundles = [] } of pages) assert.ok(bundles.length < 4)
    }
    takeList(await rig.snapshot())
    const messages = [await rig.nextAfter(() => rig.put(federationYaml('p00.example')))]
    while (messages.at(-1)?.federatedBundles?.more === true) messages.push(await rig.next())
    takeList(messages)
  })

  it('sends a slow reader each identity once, in its last state', async () => {
    await using rig = await openSession()
    await rig.snapshot()
    for (const hint of ['first', 'second', 'third']) await rig.put(identityYaml('one', `hint: ${hint}`))
    await rig.put(identityYaml('three'))
    await rig.remove('workload_identity', 'three')
    const message = await rig.next()
    assert.deepEqual(names(message), ['one'])
    assert.match(message.upserts?.[0]?.specJson ?? '', /third/)
    assert.deepEqual(message.removals, ['three'])
    assertQuiet(await rig.nextAfter(() => rig.clock.advance(HEARTBEAT_MS)))
  })

  it('sends after a snapshot what changed while it was sent', async () => {
    await using rig = await openSession()
    await rig.next()
    await rig.put(identityYaml('three'))
    await rig.remove('workload_identity', 'one')
    const page = await rig.next()
    assert.equal(page.snapshotEnd, true, 'the snapshot leaves out what is gone')
    const change = await rig.next()
    assert.deepEqual([names(change), change.removals], [['three'], ['one']])
  })

  it('sends only heartbeats about what does not concern the bot', async () => {
    await using rig = await openSession()
    await rig.snapshot()
    assertQuiet(
      await rig.nextAfter(async () => {
        await rig.put(identityYaml('two', 'hint: x', 'b'))
        rig.clock.advance(HEARTBEAT_MS)
      }),
    )
    assertQuiet(await rig.nextAfter(() => rig.clock.advance(HEARTBEAT_MS)))
  })

  it('sends a new key', async () => {
    await using rig = await openSession()
    await rig.snapshot()
    const message = await rig.nextAfter(() => rig.inUse.set({ ...rig.inUse.value, taintedKeyIds: ['bad'] }))
    assert.deepEqual(message.bundle?.taintedKeyIds, ['bad'])
  })

  it('ends when its signal aborts, at rest or not, and leaves nothing behind', async () => {
    await using rig = await openSession()
    await rig.snapshot()
    const waiting = rig.messages.next()
    await new Promise(setImmediate)
    rig.abort.abort()
    assert.equal((await waiting).done, true)
    assert.equal(rig.clock.waiting, 0)
  })
})

describe('a certificate that is no longer in use', () => {
  it('ends the session', async () => {
    await using rig = await openSession()
    await rig.snapshot()
    await assert.rejects(
      rig.nextAfter(() => {
        rig.standing.mayStay = false
        rig.instances.set(1)
      }),
      { code: 'ERR_AUTHORITY_CONNECTION_EXPIRED' },
    )
  })

  it('that has expired ends it at the next heartbeat, also when the host slept', async () => {
    await using rig = await openSession()
    await rig.snapshot()
    await assert.rejects(
      rig.nextAfter(() => {
        rig.clock.jump(LIFE_S * 1000)
        rig.clock.advance(HEARTBEAT_MS)
      }),
      { code: 'ERR_AUTHORITY_CONNECTION_EXPIRED' },
    )
  })

  it('that has expired under a lock ends it when the lock is lifted', async () => {
    await using rig = await openSession(START, [lock('stop', { bot: 'builder' })])
    assert.deepEqual(lockNames(await rig.next()), ['stop'])
    const beat = await rig.nextAfter(() => {
      rig.clock.jump(LIFE_S * 1000)
      rig.clock.advance(HEARTBEAT_MS)
    })
    assert.deepEqual(lockNames(beat), ['stop'])
    await assert.rejects(
      rig.nextAfter(() => rig.locks.set([])),
      { code: 'ERR_AUTHORITY_CONNECTION_EXPIRED' },
    )
  })

  it('of another bot does not', async () => {
    await using rig = await openSession()
    await rig.snapshot()
    assertQuiet(
      await rig.nextAfter(async () => {
        rig.instances.set(1)
        await new Promise(setImmediate)
        rig.clock.advance(HEARTBEAT_MS)
      }),
    )
  })

  it('of a locked bot does not: the agent must be sent its lock', async () => {
    await using rig = await openSession()
    await rig.snapshot()
    const message = await rig.nextAfter(() => {
      rig.standing.mayStay = false
      rig.locks.set([lock('stop', { bot: 'builder' })])
      rig.instances.set(1)
    })
    assert.equal(message.locks?.locks?.[0]?.name, 'stop')
  })
})

describe('a lock', () => {
  for (const target of [{ bot: 'builder' }, { botInstance: '01J' }, { joinToken: 'first' }]) {
    it(`on ${JSON.stringify(target)} is all that is sent until it is lifted`, async () => {
      await using rig = await openSession()
      await rig.snapshot()
      const locked = await rig.nextAfter(() => rig.locks.set([lock('stop', target)]))
      assert.deepEqual(locked, { locks: { locks: [{ name: 'stop', ...target, expiresMs: '0' }] } })
      await rig.put(identityYaml('three'))
      const beat = await rig.nextAfter(() => rig.clock.advance(HEARTBEAT_MS))
      assert.deepEqual(Object.keys(beat), ['locks'])
      const again = await rig.nextAfter(() => rig.locks.set([]))
      assert.equal(again.snapshotBegin, true)
      assert.deepEqual(names(await rig.next()).toSorted(), ['one', 'three'])
    })
  }

  it('of another kind is sent while the rest goes on', async () => {
    await using rig = await openSession()
    await rig.snapshot()
    const banned = [lock('web', { workloadIdentity: 'one' }), lock('other', { bot: 'somebody' })]
    const { locks } = await rig.nextAfter(() => rig.locks.set(banned))
    assert.deepEqual(locks?.locks, [{ name: 'web', workloadIdentity: 'one', expiresMs: '0' }])
    assert.deepEqual(names(await rig.nextAfter(() => rig.put(identityYaml('three')))), ['three'])
  })

  it('is sent to an agent only if it concerns what the agent may use', async () => {
    await using rig = await openSession()
    await rig.snapshot()
    const foreign = [
      lock('a', { bot: 'other' }),
      lock('b', { botInstance: '02J' }),
      lock('c', { joinToken: 'second' }),
      lock('d', { workloadIdentity: 'two' }), // no role of the bot permits it
      lock('e', { spiffeId: 'spiffe://example.org/nobody' }),
    ]
    const told = rig.nextAfter(() => rig.locks.set(foreign))
    await new Promise(setImmediate)
    rig.clock.advance(HEARTBEAT_MS)
    assertQuiet(await told)
    const own = [...foreign, lock('f', { spiffeId: 'spiffe://example.org/one' })]
    assert.deepEqual(lockNames(await rig.nextAfter(() => rig.locks.set(own))), ['f'])
    assert.deepEqual((await rig.nextAfter(() => rig.locks.set(foreign))).locks, { locks: [] })
  })

  it('is sent together with the identity that makes it concern the agent', async () => {
    await using rig = await openSession()
    await rig.snapshot()
    const told = rig.next()
    await new Promise(setImmediate)
    rig.locks.set([lock('d', { workloadIdentity: 'three' })])
    await rig.put(identityYaml('three'))
    const message = await told
    assert.deepEqual([names(message), lockNames(message)], [['three'], ['d']])
  })

  it('on the agent is sent without locks on what the agent might use, until it is lifted', async () => {
    const own = lock('stop', { bot: 'builder' })
    const others = [
      lock('web', { workloadIdentity: 'one' }),
      lock('id', { spiffeId: 'spiffe://example.org/one' }),
    ]
    await using rig = await openSession(START, [own, ...others])
    assert.deepEqual(lockNames(await rig.next()), ['stop'])
    const more = lock('new', { workloadIdentity: 'three' })
    const told = rig.next()
    await new Promise(setImmediate)
    rig.locks.set([own, ...others, more])
    await rig.put(identityYaml('three'))
    const second = lock('again', { botInstance: '01J' })
    rig.locks.set([own, second, ...others, more])
    assert.deepEqual(lockNames(await told), ['stop', 'again'])
    const lifted = await rig.nextAfter(() => rig.locks.set([...others, more]))
    assert.deepEqual(lockNames(lifted), ['web', 'id', 'new'])
  })

  it('is all that a session gets that begins under it, until it is lifted', async () => {
    await using rig = await openSession(START, [lock('stop', { bot: 'builder' })])
    const first = await rig.next()
    assert.deepEqual(Object.keys(first), ['locks'])
    assert.equal(rig.standing.uses, 0)
    assert.equal((await rig.nextAfter(() => rig.locks.set([]))).snapshotBegin, true)
    assert.equal(rig.standing.uses, 1, 'the certificate counts as used from then on')
  })
})
