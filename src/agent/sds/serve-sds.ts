import type { Clock } from '../../foundation/clock.ts'
import type { Logger } from '../../foundation/logger.ts'
import type { Metrics } from '../../foundation/metrics.ts'
import type { Random } from '../../foundation/random.ts'
import type { Peer } from '../../peer/peer.ts'
import type { DeltaDiscoveryRequest__Output } from '../../rpc/gen/envoy/service/discovery/v3/DeltaDiscoveryRequest.ts'
import type { DiscoveryRequest__Output } from '../../rpc/gen/envoy/service/discovery/v3/DiscoveryRequest.ts'
import type { Gate, Handlers } from '../../rpc/handlers.ts'
import type { RpcServer } from '../../rpc/server.ts'
import type { Callers } from '../entitlement/callers.ts'
import type { SvidCache } from '../svid-cache/svid-cache.ts'
import type { KnowledgeSource } from '../sync/knowledge.ts'
import { checkMetadata } from '../workload-api/gate.ts'
import { DeltaSubscription } from './delta-subscription.ts'
import { SecretFetch, type SecretFetchDeps } from './secret-fetch.ts'
import { SecretNames, type SecretNamesConfig } from './secret-names.ts'
import { SecretNotes } from './secret-notes.ts'
import { SecretStore } from './secret-store.ts'
import { SecretStream } from './secret-stream.ts'
import type { Subscription } from './subscription.ts'
import { WholeSubscription } from './whole-subscription.ts'

export interface SdsDeps {
  readonly callers: Callers
  readonly knowledge: KnowledgeSource
  readonly svids: Pick<SvidCache, 'ensureX509'>
  readonly names: SecretNamesConfig
  readonly requireMetadata: boolean
  readonly maxIdentitiesPerCaller: number
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly metrics: Metrics
}

/** Names in one request besides those of identities: bundles and names that do not exist. */
const MORE_NAMES = 128
const NONCE_BYTES = 8

/**
 * Serves Envoy's secret discovery service (SDS v3) to the proxies of this host, which get
 * identities like any workload. The Workload API's metadata is required only if configured, because
 * Envoy sends it only if it is configured to.
 */
export function serveSds(server: RpcServer<Peer>, deps: SdsDeps): void {
  const { callers, random, maxIdentitiesPerCaller } = deps
  const shared: SecretFetchDeps = {
    ...deps,
    names: new SecretNames(deps.names),
    store: new SecretStore(random),
    notes: new SecretNotes({ ...deps, deliveries: callers.deliveries }),
  }
  const makeNonce = (): string => random.bytes(NONCE_BYTES).toString('hex')
  const maxNames = maxIdentitiesPerCaller + MORE_NAMES
  const whole = (): Subscription<DiscoveryRequest__Output> => new WholeSubscription(maxNames, makeNonce)
  const delta = (): Subscription<DeltaDiscoveryRequest__Output> => new DeltaSubscription(maxNames, makeNonce)

  const handlers: Handlers<Peer, 'envoy.service.secret.v3.SecretDiscoveryService'> = {
    StreamSecrets: { duplex: (peer, sink) => new SecretStream('stream', peer, sink, shared, whole()) },
    DeltaSecrets: { duplex: (peer, sink) => new SecretStream('delta', peer, sink, shared, delta()) },
    FetchSecrets: {
      unary: (peer, request) =>
        callers.refusals.watchOver(peer, () => new SecretFetch(peer, request, shared, whole()).run()),
    },
  }
  const gate: Gate<Peer> | undefined = deps.requireMetadata ? (_peer, head) => checkMetadata(head) : undefined
  server.add('envoy.service.secret.v3.SecretDiscoveryService', handlers, gate)
}
