import type { Clock } from '../../foundation/clock.ts'
import type { Logger } from '../../foundation/logger.ts'
import type { Metrics } from '../../foundation/metrics.ts'
import type { Peer } from '../../peer/peer.ts'
import type { Handler, Handlers } from '../../rpc/handlers.ts'
import type { RpcServer } from '../../rpc/server.ts'
import type { Attestation } from '../attestation/attest.ts'
import type { DeliveryReporter, KnowledgeSource } from '../knowledge.ts'
import type { SvidCache } from '../svid-cache/svid-cache.ts'
import { Deliveries } from './deliveries.ts'
import { Entitlements } from './entitlements.ts'
import { ProfileUnsupportedError } from './errors.ts'
import { FetchJwtSvid } from './fetch-jwt-svid.ts'
import { checkMetadata } from './gate.ts'
import type { IdentitySet } from './identity-set.ts'
import { IdentitySets } from './identity-sets.ts'
import { LeftOut } from './left-out.ts'
import type { MessageKind } from './message.ts'
import { Refusals } from './refusals.ts'
import { ValidateJwtSvid } from './validate-jwt-svid.ts'
import { Watches } from './watches.ts'

export interface WorkloadApiDeps {
  readonly knowledge: KnowledgeSource
  readonly attestation: Pick<Attestation, 'attest'>
  readonly svids: SvidCache
  readonly reporter: DeliveryReporter
  readonly maxIdentitiesPerCaller: number
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: Metrics
}

/** Serves the SPIFFE Workload API to the processes of this host: gate → attest → decide → issue → stream. */
export function serveWorkloadApi(server: RpcServer<Peer>, deps: WorkloadApiDeps): Disposable {
  const { knowledge, svids, clock, logger } = deps
  const refusals = new Refusals({ ...deps, endCalls: (peer, error) => server.endCalls(peer, error) })
  const deliveries = new Deliveries(clock, deps.reporter)
  const leftOut = new LeftOut({ clock, logger, metrics: deps.metrics })
  const sets = new IdentitySets({ svids, clock, leftOut, onReady: (set, kind) => watches.refresh(set, kind) })
  const entitlements = new Entitlements({ ...deps, sets, leftOut })
  const entitled = (peer: Peer): IdentitySet | Promise<IdentitySet> => entitlements.of(peer)
  const onEnd = (peer: Peer, error: unknown): void => refusals.note(peer, error)
  const watches: Watches = new Watches({ knowledge, entitled, deliveries, clock, onEnd })
  const fetchJwtSvid = new FetchJwtSvid({ entitled, knowledge, svids, deliveries, clock })
  const validateJwtSvid = new ValidateJwtSvid({ entitled, knowledge, clock })

  server.add(
    'SpiffeWorkloadAPI',
    handlers(watches, fetchJwtSvid, validateJwtSvid, refusals),
    (_peer, context) => checkMetadata(context),
  )
  const resources = new DisposableStack()
  resources.use(deliveries)
  resources.use(svids.onX509Change((grantKey) => refreshAllWith(grantKey, sets, watches)))
  resources.use(
    knowledge.subscribe(() => {
      fetchJwtSvid.forgetWhenKeysChanged()
      watches.refreshAll()
    }),
  )
  return resources
}

function refreshAllWith(grantKey: string, sets: IdentitySets, watches: Watches): void {
  for (const set of sets.with(grantKey)) {
    set.invalidate()
    watches.refresh(set, 'x509_svid')
  }
}

function handlers(
  watches: Watches,
  fetchJwtSvid: FetchJwtSvid,
  validateJwtSvid: ValidateJwtSvid,
  refusals: Refusals,
): Handlers<Peer> {
  const watch = (kind: MessageKind): Handler<Peer> => ({
    push: (peer, _request, sink) => watches.open(kind, peer, sink),
  })
  const unsupported: Handler<Peer> = {
    push: () => {
      throw new ProfileUnsupportedError('the WIT-SVID profile is not supported')
    },
  }
  return {
    FetchX509SVID: watch('x509_svid'),
    FetchX509Bundles: watch('x509_bundles'),
    FetchJWTBundles: watch('jwt_bundles'),
    FetchJWTSVID: {
      unary: (peer, request) => refusals.watchOver(peer, () => fetchJwtSvid.handle(peer, request)),
    },
    ValidateJWTSVID: {
      unary: (peer, request) => refusals.watchOver(peer, () => validateJwtSvid.handle(peer, request)),
    },
    FetchWITSVID: unsupported,
    FetchWITBundles: unsupported,
  }
}
