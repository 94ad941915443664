import type { AgentConfig } from '../../config/agent-config.ts'
import { version } from '../../foundation/version.ts'
import type { AgentAdminServiceGetStatusResponse } from '../../rpc/gen/signet/v1/AgentAdminServiceGetStatusResponse.ts'
import { toTimestamp } from '../../rpc/timestamp.ts'
import { expiresMs } from '../state/bot-identity.ts'
import type { IdentityStore } from '../state/identity-file.ts'
import type { SvidCache } from '../svid-cache/svid-cache.ts'
import type { KnowledgeStore } from '../sync/knowledge-store.ts'
import type { Uplink } from '../uplink/uplink.ts'

interface StatusInput {
  readonly config: Pick<AgentConfig, 'workload_api'>
  readonly store: IdentityStore
  readonly knowledge: KnowledgeStore
  readonly svids: Pick<SvidCache, 'size'>
  readonly openStreams: number
  readonly authoritySide: Uplink | undefined
}

/** The response for `signet agent status`. */
export function describeStatus(input: StatusInput): AgentAdminServiceGetStatusResponse {
  const { store, knowledge, svids, openStreams, config, authoritySide } = input
  const current = store.stored?.current
  return {
    version,
    trustDomain: knowledge.trustDomain,
    workloadIdentities: knowledge.current.value?.policy.size ?? 0,
    openStreams,
    cachedSvids: svids.size,
    socket: config.workload_api.socket,
    connected: authoritySide?.sync.connected ?? false,
    clockSkewMs: String(authoritySide?.membership.clockSkewMs ?? 0),
    lastSync: knowledge.syncedMs === 0 ? null : toTimestamp(knowledge.syncedMs),
    ...(current && {
      bot: current.bot,
      botInstanceId: current.botInstanceId,
      generation: String(current.generation),
      botIdentityExpires: toTimestamp(expiresMs(current)),
    }),
  }
}
