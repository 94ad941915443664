import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Entitlements } from '../../../../src/agent/entitlement/entitlements.ts'
import { Follower, Followers } from '../../../../src/agent/entitlement/followers.ts'
import type { IdentitySet } from '../../../../src/agent/entitlement/identity-set.ts'
import { IdentitySets } from '../../../../src/agent/entitlement/identity-sets.ts'
import { LeftOut } from '../../../../src/agent/entitlement/left-out.ts'
import type { Knowledge } from '../../../../src/agent/sync/knowledge.ts'
import { WORKLOAD_API_ENCODERS } from '../../../../src/agent/workload-api/encoders.ts'
import { silentLogger } from '../../../../src/foundation/logger.ts'
import { createMetrics } from '../../../../src/foundation/metrics.ts'
import { Watchable } from '../../../../src/foundation/watchable.ts'
import type { Peer } from '../../../../src/peer/peer.ts'
import { NO_BOUNDS } from '../../../fakes/fake-bounds.ts'
import { fakeCaller } from '../../../fakes/fake-caller.ts'
import { FakeClock } from '../../../fakes/fake-clock.ts'
import { policyOf } from '../../../fakes/fake-knowledge.ts'

const EACH = {
  spiffe_id: '/each/{{ workload.unix.pid }}',
  allow: [{ match: { 'workload.unix.uid': 1000 } }],
}

class Stream extends Follower<Peer> {
  readonly kind = 'x509_svid'
  readonly #entitlements: Entitlements
  set: IdentitySet | undefined

  constructor(peer: Peer, followers: Followers, entitlements: Entitlements) {
    super(peer, followers)
    this.#entitlements = entitlements
  }

  override entitled(): IdentitySet | Promise<IdentitySet> {
    return this.#entitlements.of(this.subject)
  }

  override deliver(set: IdentitySet): void {
    this.set = set
  }

  override refuse(error: unknown): void {
    throw error
  }
}

describe('Followers', () => {
  it('follow sets that are notified of changes, however many callers waited at the same time', async () => {
    const clock = new FakeClock()
    const metrics = createMetrics()
    const leftOut = new LeftOut({ clock, metrics, logger: silentLogger })
    const sets = new IdentitySets({
      svids: { holdX509: () => undefined, releaseX509: () => undefined } as never,
      clock,
      encode: WORKLOAD_API_ENCODERS,
      leftOut,
      workloadOf: () => ({}),
      livingHolder: () => undefined,
      onReady: () => undefined,
    })
    const digest = Promise.withResolvers<void>()
    let isRead = false
    const attestation = {
      attest: ({ credentials: { pid } }: Peer) => {
        const attributes = { workload: { unix: { uid: 1000, pid } } }
        return isRead ? attributes : digest.promise.then(() => attributes)
      },
    }
    const knowledge = new Watchable<Knowledge | undefined>({
      policy: policyOf({ each: EACH }),
      facts: { join: {}, bot: {} },
      ...NO_BOUNDS,
    } as Knowledge)
    const entitlements = new Entitlements({
      knowledge,
      attestation,
      sets,
      maxIdentitiesPerCaller: 100,
      leftOut,
      allowUnauthenticatedVerifiers: false,
    })
    const followers = new Followers(clock)
    const streams = Array.from({ length: 1_000 }, (_, n) => {
      const { peer } = fakeCaller()
      const own = { ...peer, credentials: { pid: n + 1, uid: 1000, gid: 1000 } } as Peer
      const stream = new Stream(own, followers, entitlements)
      followers.add(stream)
      followers.refresh(stream)
      return stream
    })
    isRead = true
    digest.resolve()
    await new Promise(setImmediate)
    for (const { set } of streams) {
      const [grant] = set?.grants ?? []
      assert.ok(
        set && grant && [...sets.with(grant.key)].includes(set),
        'this set is not notified of its SVID',
      )
    }
  })
})
