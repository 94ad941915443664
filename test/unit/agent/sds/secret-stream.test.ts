import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { AttestationFailedError, ProcessChangedError } from '../../../../src/agent/attestation/attestor.ts'
import { Deliveries } from '../../../../src/agent/entitlement/deliveries.ts'
import { NoIdentityError, NotSyncedError } from '../../../../src/agent/entitlement/errors.ts'
import { Followers } from '../../../../src/agent/entitlement/followers.ts'
import type { IdentitySet } from '../../../../src/agent/entitlement/identity-set.ts'
import { SecretNames } from '../../../../src/agent/sds/secret-names.ts'
import { SecretNotes } from '../../../../src/agent/sds/secret-notes.ts'
import { SecretStore } from '../../../../src/agent/sds/secret-store.ts'
import { SecretStream } from '../../../../src/agent/sds/secret-stream.ts'
import { WholeSubscription } from '../../../../src/agent/sds/whole-subscription.ts'
import type { Knowledge } from '../../../../src/agent/sync/knowledge.ts'
import { silentLogger } from '../../../../src/foundation/logger.ts'
import { createMetrics } from '../../../../src/foundation/metrics.ts'
import { Watchable } from '../../../../src/foundation/watchable.ts'
import type { DiscoveryRequest__Output } from '../../../../src/rpc/gen/envoy/service/discovery/v3/DiscoveryRequest.ts'
import type { Bundle } from '../../../../src/spiffe/bundle.ts'
import { fakeCaller } from '../../../fakes/fake-caller.ts'
import { FakeClock } from '../../../fakes/fake-clock.ts'
import { FakeRandom } from '../../../fakes/fake-random.ts'
import { createTestTrustDomain } from '../../../support/svid-fixtures.ts'
import { countNonces } from './found.ts'

const { bundle } = await createTestTrustDomain()
const { bundle: nextBundle } = await createTestTrustDomain()

class FakeSink {
  sent = 0
  busy = false
  ended = false
  kept = 0
  error: unknown

  keeps(bytes: number): void {
    this.kept = bytes
  }

  send(): void {
    assert.equal(this.busy, false, 'one at a time')
    this.sent += 1
    this.busy = true
  }

  end(error: unknown): void {
    this.ended = true
    this.error = error
  }
}

function raise(error: Error): never {
  throw error
}

const knows = (known: Bundle): Knowledge =>
  ({ bundle: known, federatedBundles: new Map() }) as unknown as Knowledge

/** A stream that has requested `ROOTCA`. `current.entitled` is what its caller may have. */
function rig(refusal?: Error) {
  const clock = new FakeClock()
  const followers = new Followers(clock)
  const held = { count: 0 }
  const set = {
    grants: [],
    attach: () => {
      held.count += 1
    },
    detach: () => {
      held.count -= 1
    },
  } as unknown as IdentitySet
  const noted: unknown[] = []
  const knowledge = new Watchable<Knowledge | undefined>(knows(bundle))
  const current = { entitled: () => (refusal ? raise(refusal) : set) }
  const sink = new FakeSink()
  const deliveries = new Deliveries(clock, { denied: () => undefined, delivered: () => undefined })
  const refusals = { note: (_peer: unknown, error: unknown) => void noted.push(error) }
  const stream = new SecretStream<DiscoveryRequest__Output>(
    'stream',
    fakeCaller().peer,
    sink,
    {
      callers: {
        followers,
        entitledToBundles: () => current.entitled(),
        workloadOf: () => ({}),
        refusals: refusals as never,
      },
      knowledge,
      notes: new SecretNotes({ deliveries, clock, logger: silentLogger, metrics: createMetrics() }),
      svids: { ensureX509: () => assert.fail('no certificate was asked for') },
      names: new SecretNames({
        default_svid_name: 'default',
        default_bundle_name: 'ROOTCA',
        default_all_bundles_name: 'ALL',
      }),
      store: new SecretStore(new FakeRandom()),
    },
    new WholeSubscription(8, countNonces()),
  )
  const ask = (...resourceNames: string[]) =>
    stream.onRequest({
      resourceNames,
      responseNonce: '',
      versionInfo: '',
      typeUrl: '',
      node: null,
      errorDetail: null,
    })
  const written = () => {
    sink.busy = false
    stream.onWritable()
  }
  return { stream, sink, current, noted, followers, held, knowledge, ask, written }
}

describe('an open stream of secrets', () => {
  for (const error of [
    new AttestationFailedError('no attestor succeeded'),
    new ProcessChangedError('other executable'),
    new TypeError('a bug'),
  ]) {
    it(`ends when its caller cannot be attested: ${error.name}`, () => {
      const { ask, sink, current, noted, followers, stream } = rig()
      ask('ROOTCA')
      current.entitled = () => raise(error)
      followers.refresh(stream)
      assert.equal(sink.error, error)
      assert.deepEqual([noted, followers.size], [[error], 0])
    })
  }

  it('states what it keeps of the requested names', () => {
    const { ask, sink } = rig()
    ask('ROOTCA')
    const { kept } = sink
    ask('ROOTCA', 'x'.repeat(1_000))
    assert.ok(kept > 0 && sink.kept >= kept + 1_000)
    ask()
    assert.equal(sink.kept, 0)
  })

  it('logs once that its caller has no identity, until it had one again', () => {
    const { ask, sink, current, noted, followers, stream, written } = rig()
    const { entitled } = current
    const refused = () => raise(new NoIdentityError('no_identity'))
    current.entitled = refused
    ask('ROOTCA')
    followers.refresh(stream)
    // It is also sent once that it is to trust nobody.
    assert.deepEqual([noted.length, sink.ended, sink.sent], [1, false, 1])
    written()
    current.entitled = entitled
    followers.refresh(stream)
    assert.equal(sink.sent, 2)
    written()
    current.entitled = refused
    followers.refresh(stream)
    assert.equal(noted.length, 2)
  })

  it('waits without a response while the agent knows nothing yet', () => {
    const { ask, sink, noted } = rig(new NotSyncedError())
    ask('ROOTCA')
    assert.deepEqual([sink.sent, sink.ended, noted], [0, false, []])
  })

  it('sends one response at a time, and then only the newest', () => {
    const { ask, sink, knowledge, followers, stream, written } = rig()
    ask('ROOTCA')
    for (const known of [nextBundle, bundle, nextBundle]) {
      knowledge.set(knows(known))
      followers.refresh(stream)
    }
    assert.equal(sink.sent, 1)
    written()
    assert.equal(sink.sent, 2)
    written()
    assert.equal(sink.sent, 2)
  })

  it('answers a client that requests something else and then half-closes, before it ends', () => {
    const { ask, sink, stream, written } = rig()
    ask('ROOTCA')
    ask('spiffe://example.org')
    stream.onHalfClose()
    assert.deepEqual([sink.sent, sink.ended], [1, false])
    written()
    assert.deepEqual([sink.sent, sink.ended], [2, false])
    written()
    assert.deepEqual([sink.sent, sink.ended], [2, true])
  })

  it('ends alone when what it should be sent cannot be created', async () => {
    const { ask, sink, followers, knowledge, noted } = rig()
    ask('ROOTCA')
    sink.busy = false
    knowledge.set({} as Knowledge)
    followers.refreshAll()
    await new Promise((resolve) => setImmediate(resolve))
    assert.ok(sink.error instanceof TypeError)
    assert.deepEqual([noted, followers.size], [[sink.error], 0])
  })

  it('keeps certificates renewed only while it requests one', () => {
    const { ask, held, stream } = rig()
    ask('ROOTCA')
    assert.equal(held.count, 0)
    ask('spiffe://example.org/web')
    assert.equal(held.count, 1)
    ask('ROOTCA')
    assert.equal(held.count, 0)
    ask('default')
    stream[Symbol.dispose]()
    assert.equal(held.count, 0)
  })
})
