import type { Clock } from '../../foundation/clock.ts'
import type { Peer } from '../../peer/peer.ts'
import type { Handlers, PushHandler } from '../../rpc/handlers.ts'
import type { RpcServer } from '../../rpc/server.ts'
import type { Callers } from '../entitlement/callers.ts'
import type { MessageKind } from '../entitlement/message.ts'
import type { RefusedCallers } from '../entitlement/refused-callers.ts'
import type { SvidCache } from '../svid-cache/svid-cache.ts'
import type { KnowledgeSource } from '../sync/knowledge.ts'
import { ProfileUnsupportedError } from './errors.ts'
import { FetchJwtSvid } from './fetch-jwt-svid.ts'
import { checkMetadata } from './gate.ts'
import { ValidateJwtSvid } from './validate-jwt-svid.ts'
import { Watches } from './watches.ts'

interface WorkloadApiDeps {
  readonly callers: Callers
  readonly knowledge: KnowledgeSource
  readonly svids: Pick<SvidCache, 'ensureJwt'>
  readonly clock: Clock
}

/**
 * Serves the SPIFFE Workload API to the processes of this host: gate → attest → decide → issue →
 * stream.
 */
export function serveWorkloadApi(server: RpcServer<Peer>, deps: WorkloadApiDeps): Disposable {
  const { callers, knowledge, clock } = deps
  const { entitled, entitledToBundles, workloadOf, refusals, deliveries, followers } = callers
  const onEnd = (peer: Peer, error: unknown): void => refusals.note(peer, error)
  const watches = new Watches({
    knowledge,
    entitled,
    entitledToBundles,
    followers,
    deliveries,
    clock,
    onEnd,
  })
  const fetchJwtSvid = new FetchJwtSvid({ ...deps, entitled, workloadOf, deliveries })
  const validateJwtSvid = new ValidateJwtSvid({ entitledToBundles, knowledge, clock })

  server.add('SpiffeWorkloadAPI', handlers(watches, fetchJwtSvid, validateJwtSvid, refusals), (_peer, head) =>
    checkMetadata(head),
  )
  return knowledge.subscribe(() => fetchJwtSvid.forgetWhenKeysChanged())
}

function handlers(
  watches: Watches,
  fetchJwtSvid: FetchJwtSvid,
  validateJwtSvid: ValidateJwtSvid,
  refusals: RefusedCallers,
): Handlers<Peer, 'SpiffeWorkloadAPI'> {
  const watch = (kind: MessageKind): { push: PushHandler<Peer, object> } => ({
    push: (peer, _request, sink) => watches.open(kind, peer, sink),
  })
  const unsupported: { push: PushHandler<Peer, object> } = {
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
