import type { Lifecycle } from '../foundation/lifecycle.ts'
import type { Peer } from '../peer/peer.ts'
import type { RpcServer } from '../rpc/server.ts'
import { Callers, type CallersDeps } from './entitlement/callers.ts'
import { type SdsDeps, serveSds } from './sds/serve-sds.ts'
import type { SvidCache } from './svid-cache/svid-cache.ts'
import { WORKLOAD_API_ENCODERS } from './workload-api/encoders.ts'
import { serveWorkloadApi } from './workload-api/serve-workload-api.ts'

/** What the Workload API and Envoy's SDS need of the agent. */
export interface ServingDeps extends Omit<CallersDeps, 'encode' | 'endCalls'>, Pick<SdsDeps, 'random'> {
  readonly svids: SvidCache
  readonly sds: Pick<SdsDeps, 'names' | 'requireMetadata'>
}

/** Serves both APIs on one socket. They share its callers. */
export function serveCallers(
  server: RpcServer<Peer>,
  deps: ServingDeps,
  lifecycle: Pick<Lifecycle, 'use'>,
): Callers {
  const callers = lifecycle.use(
    new Callers({
      ...deps,
      encode: WORKLOAD_API_ENCODERS,
      endCalls: (peer, error) => server.endCalls(peer, error),
    }),
  )
  lifecycle.use(serveWorkloadApi(server, { ...deps, callers }))
  serveSds(server, { ...deps, ...deps.sds, callers })
  server.addReflection()
  return callers
}
