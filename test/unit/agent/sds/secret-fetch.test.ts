import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Deliveries } from '../../../../src/agent/entitlement/deliveries.ts'
import { Followers } from '../../../../src/agent/entitlement/followers.ts'
import type { IdentitySet } from '../../../../src/agent/entitlement/identity-set.ts'
import { SecretFetch } from '../../../../src/agent/sds/secret-fetch.ts'
import { SecretNames } from '../../../../src/agent/sds/secret-names.ts'
import { SecretNotes } from '../../../../src/agent/sds/secret-notes.ts'
import { SecretStore } from '../../../../src/agent/sds/secret-store.ts'
import { WholeSubscription } from '../../../../src/agent/sds/whole-subscription.ts'
import type { X509State } from '../../../../src/agent/svid-cache/x509-entry.ts'
import type { Knowledge } from '../../../../src/agent/sync/knowledge.ts'
import { silentLogger } from '../../../../src/foundation/logger.ts'
import { createMetrics } from '../../../../src/foundation/metrics.ts'
import { Watchable } from '../../../../src/foundation/watchable.ts'
import { decodeMessage } from '../../../../src/rpc/services.ts'
import { fakeCaller } from '../../../fakes/fake-caller.ts'
import { FakeClock } from '../../../fakes/fake-clock.ts'
import { FakeRandom } from '../../../fakes/fake-random.ts'
import { readSecret } from '../../../support/secret-client.ts'
import { createTestTrustDomain } from '../../../support/svid-fixtures.ts'
import { countNonces } from './found.ts'

const { bundle } = await createTestTrustDomain()
const MAKING: X509State = { svid: undefined, failure: undefined, inFlight: true }

/** A fetch by a caller whose only certificate is never finished. */
function fetch(...resourceNames: string[]) {
  const clock = new FakeClock()
  const followers = new Followers(clock)
  let holds = 0
  const set = {
    grants: [{ spiffeId: 'spiffe://example.org/web', federatesWith: [] }],
    attach: () => {
      holds += 1
    },
    detach: () => {
      holds -= 1
    },
  } as unknown as IdentitySet
  const deliveries = new Deliveries(clock, { denied: () => undefined, delivered: () => undefined })
  const knowledge = { bundle, federatedBundles: new Map() } as unknown as Knowledge
  const answer = new SecretFetch(
    fakeCaller().peer,
    { resourceNames, responseNonce: '', versionInfo: '', typeUrl: '', node: null, errorDetail: null },
    {
      callers: {
        followers,
        entitledToBundles: () => set,
        workloadOf: () => ({}),
        refusals: undefined as never,
      },
      knowledge: new Watchable<Knowledge | undefined>(knowledge),
      notes: new SecretNotes({ deliveries, clock, logger: silentLogger, metrics: createMetrics() }),
      svids: { ensureX509: () => MAKING },
      names: new SecretNames({
        default_svid_name: 'default',
        default_bundle_name: 'ROOTCA',
        default_all_bundles_name: 'ALL',
      }),
      store: new SecretStore(new FakeRandom()),
      clock,
    },
    new WholeSubscription(8, countNonces()),
  ).run()
  return { answer, clock, followers, holds: () => holds }
}

describe('FetchSecrets while a certificate is being created', () => {
  it('waits for it, then answers with the rest', async () => {
    const { answer, clock, followers, holds } = fetch('default', 'ROOTCA')
    assert.equal(holds(), 1)
    clock.advance(4_999)
    assert.equal(followers.size, 1)
    clock.advance(1)
    const type = 'envoy.service.discovery.v3.DiscoveryResponse'
    // biome-ignore lint/suspicious/noExplicitAny: read as it came from the wire
    const { resources } = decodeMessage(type, await answer) as any
    assert.deepEqual(
      resources.map((any: object) => readSecret(any).name),
      ['ROOTCA'],
    )
    assert.deepEqual([followers.size, holds()], [0, 0])
  })

  it('is UNAVAILABLE when there is no rest', async () => {
    const { answer, clock, followers } = fetch('default')
    clock.advance(5_000)
    await assert.rejects(answer, { code: 'ERR_SVID_UNAVAILABLE', kind: 'unavailable' })
    assert.equal(followers.size, 0)
  })

  it('answers immediately when only bundles are requested, and keeps no certificate renewed for it', async () => {
    const { answer, followers, holds } = fetch('ROOTCA')
    assert.ok((await answer).length > 0)
    assert.deepEqual([followers.size, holds()], [0, 0])
  })
})
