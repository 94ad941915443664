import { version } from '../../../foundation/version.ts'
import type { GetStatusResponse } from '../../../rpc/gen/signet/v1/GetStatusResponse.ts'
import type { Handlers } from '../../../rpc/handlers.ts'
import { toTimestamp } from '../../../rpc/timestamp.ts'
import type { Caller } from '../../caller.ts'
import type { Catalogue } from '../../resources/catalogue.ts'

interface StatusApiDeps {
  readonly trustDomain: string
  readonly startedMs: number
  readonly pin: () => string
  readonly listen: string
  readonly publicAddress: string
  readonly connected: { readonly size: number }
  readonly catalogue: Catalogue
}

/** AdminService: how the authority is doing. */
export function statusHandlers(
  deps: StatusApiDeps,
): Pick<Handlers<Caller, 'signet.v1.AdminService'>, 'GetStatus'> {
  return {
    GetStatus: {
      unary: (): GetStatusResponse => ({
        version,
        trustDomain: deps.trustDomain,
        started: toTimestamp(deps.startedMs),
        pin: deps.pin(),
        listen: deps.listen,
        publicAddress: deps.publicAddress,
        connectedAgents: deps.connected.size,
        workloadIdentities: deps.catalogue.count('workload_identity'),
      }),
    },
  }
}
