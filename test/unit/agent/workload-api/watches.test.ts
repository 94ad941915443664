import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Deliveries } from '../../../../src/agent/entitlement/deliveries.ts'
import { NoIdentityError, SvidUnavailableError } from '../../../../src/agent/entitlement/errors.ts'
import { Followers } from '../../../../src/agent/entitlement/followers.ts'
import type { IdentitySet } from '../../../../src/agent/entitlement/identity-set.ts'
import type { Message } from '../../../../src/agent/entitlement/message.ts'
import type { Knowledge } from '../../../../src/agent/sync/knowledge.ts'
import { Watches } from '../../../../src/agent/workload-api/watches.ts'
import { Watchable } from '../../../../src/foundation/watchable.ts'
import { fakeCaller } from '../../../fakes/fake-caller.ts'
import { FakeClock } from '../../../fakes/fake-clock.ts'

const ID = 'spiffe://example.org/web'

class FakeSink {
  readonly sent: string[] = []
  error: unknown
  ended = false

  send(message: Buffer): void {
    this.sent.push(message.toString())
  }

  end(error: unknown): void {
    this.ended = true
    this.error = error
  }
}

/** A set whose message the test decides. `held` counts its streams. */
class FakeSet {
  held = 0
  answer: () => Message | undefined
  readonly grants = [{ spiffeId: ID }]

  constructor(text: string, validUntilMs = Number.POSITIVE_INFINITY) {
    const message = {
      bytes: Buffer.from(text),
      validFromMs: 0,
      validUntilMs,
      spiffeIds: [ID],
      delivered: undefined,
    }
    this.answer = () => message
  }

  message(): Message | undefined {
    return this.answer()
  }

  attach(): void {
    this.held += 1
  }

  detach(): void {
    this.held -= 1
  }
}

function rig(first: FakeSet) {
  const clock = new FakeClock()
  const current: { set: () => FakeSet | Promise<FakeSet> } = { set: () => first }
  const failed: unknown[] = []
  const followers = new Followers(clock)
  const entitled = () => current.set() as unknown as IdentitySet
  const watches = new Watches({
    knowledge: new Watchable<Knowledge | undefined>({} as Knowledge),
    entitled,
    entitledToBundles: entitled,
    followers,
    deliveries: new Deliveries(clock, { denied: () => undefined, delivered: () => undefined }),
    clock,
    onEnd: (_peer, error) => void failed.push(error),
  })
  const sink = new FakeSink()
  const { peer } = fakeCaller()
  const open = () => watches.open('x509_svid', peer, sink)
  const settle = () => new Promise((resolve) => setImmediate(resolve))
  const refresh = async () => {
    followers.refreshAll()
    await settle()
  }
  return {
    clock,
    current,
    failed,
    watches,
    followers,
    sink,
    open,
    refresh,
    settle,
    refuse: (e: Error) => () => raise(e),
  }
}

function raise(error: Error): never {
  throw error
}

describe('an open stream', () => {
  it('gets its first message immediately', () => {
    const { open, sink } = rig(new FakeSet('one'))
    open()
    assert.deepEqual(sink.sent, ['one'])
  })

  it('is not sent the same message twice', async () => {
    const { open, sink, refresh } = rig(new FakeSet('one'))
    open()
    await refresh()
    assert.deepEqual(sink.sent, ['one'])
  })

  it('gets a new snapshot when its identities change, and follows the new ones only', async () => {
    const [first, second] = [new FakeSet('one'), new FakeSet('two')]
    const { open, sink, refresh, current } = rig(first)
    open()
    current.set = () => second
    await refresh()
    assert.deepEqual(sink.sent, ['one', 'two'])
    assert.deepEqual([first.held, second.held], [0, 1])
  })

  it('waits while its message is not known, and gets it when it is', async () => {
    const set = new FakeSet('one')
    const { answer } = set
    set.answer = () => undefined
    const { open, sink, followers, settle } = rig(set)
    open()
    assert.deepEqual(sink.sent, [])
    set.answer = answer
    followers.refreshWith(set as unknown as IdentitySet, 'x509_svid')
    await settle()
    assert.deepEqual(sink.sent, ['one'])
  })

  it('ends with the refusal when the policy withdraws the last identity', async () => {
    const set = new FakeSet('one')
    const { open, sink, refresh, current, failed, followers, refuse } = rig(set)
    open()
    const error = new NoIdentityError('no_identity')
    current.set = refuse(error)
    await refresh()
    assert.equal(sink.error, error)
    assert.deepEqual(failed, [error])
    assert.deepEqual([followers.size, set.held], [0, 0])
  })

  it('stays open, with what it has, when the authority cannot be reached', async () => {
    const set = new FakeSet('one')
    const { open, sink, refresh, refuse } = rig(set)
    open()
    set.answer = refuse(new SvidUnavailableError())
    await refresh()
    assert.equal(sink.ended, false)
  })

  it('ends when nothing is available and what it was sent has expired', async () => {
    const clock = new FakeClock()
    const set = new FakeSet('one', clock.now().getTime() + 1_000)
    const { open, sink, refresh, refuse, clock: own } = rig(set)
    open()
    set.answer = refuse(new SvidUnavailableError())
    own.advance(1_000)
    await refresh()
    assert.equal((sink.error as { code: string }).code, 'ERR_SVID_UNAVAILABLE')
  })

  it('ends when nothing is available and part of what it was sent is withdrawn', async () => {
    const { open, sink, refresh, refuse, current } = rig(new FakeSet('one'))
    open()
    const other = new FakeSet('two')
    other.grants[0] = { spiffeId: 'spiffe://example.org/other' }
    other.answer = refuse(new SvidUnavailableError())
    current.set = () => other
    await refresh()
    assert.equal((sink.error as { code: string }).code, 'ERR_SVID_UNAVAILABLE')
  })

  it('ends immediately when nothing is available from the beginning', () => {
    const set = new FakeSet('one')
    const { open, sink, refuse } = rig(set)
    set.answer = refuse(new SvidUnavailableError())
    open()
    assert.equal(sink.ended, true)
  })

  it('is sent nothing after it was closed, even if its caller was being attested', async () => {
    const set = new FakeSet('one')
    const { open, sink, current, settle } = rig(set)
    const slow = Promise.withResolvers<FakeSet>()
    current.set = () => slow.promise
    const watch = open()
    watch[Symbol.dispose]()
    slow.resolve(set)
    await settle()
    assert.deepEqual(sink.sent, [])
    assert.equal(set.held, 0)
  })
})

describe('many streams', () => {
  it('are all served, in turns', async () => {
    const set = new FakeSet('one')
    const { watches, followers, current, settle } = rig(set)
    const sinks = Array.from({ length: 500 }, () => new FakeSink())
    for (const sink of sinks) watches.open('x509_svid', fakeCaller().peer, sink)
    current.set = () => new FakeSet('two')
    followers.refreshAll()
    while (sinks.some(({ sent }) => sent.length < 2)) await settle()
    assert.equal(followers.size, 500)
  })
})
