import type { AgentConfig } from '../../config/agent-config.ts'
import { version } from '../../foundation/version.ts'
import type { AgentAdminServiceGetStatusResponse } from '../../rpc/gen/signet/v1/AgentAdminServiceGetStatusResponse.ts'
import { toTimestamp } from '../../rpc/timestamp.ts'
import { conditionOf } from '../condition/condition.ts'
import { type AgentParts, factsOf } from '../condition/facts.ts'
import { expiresMs } from '../state/bot-identity.ts'
import type { HeldX509Svid, SvidCache } from '../svid-cache/svid-cache.ts'

export interface StatusInput extends AgentParts {
  readonly config: Pick<AgentConfig, 'workload_api'>
  readonly svids: Pick<SvidCache, 'size' | 'countX509' | 'heldX509'>
  readonly openStreams: number
}

/** An operator reads the first few. The limit keeps the answer below what clients accept. */
const MAX_SVIDS = 1_000

/** The response for `signet agent status`. */
export function describeStatus(input: StatusInput): AgentAdminServiceGetStatusResponse {
  const { store, knowledge, svids, openStreams, config } = input
  const current = store.stored?.current
  const facts = factsOf(input)
  const { state, isReady, reason = '', remedy = '', failing } = conditionOf(facts)
  const held = [...svids.heldX509()].sort((a, b) => a.expiresMs - b.expiresMs)
  return {
    version,
    trustDomain: knowledge.trustDomain,
    workloadIdentities: knowledge.current.value?.policy.size ?? 0,
    openStreams,
    cachedSvids: svids.size,
    socket: config.workload_api.socket,
    connected: facts.isConnected,
    clockSkewMs: String(facts.clockSkewMs ?? 0),
    clockSkewKnown: facts.clockSkewMs !== undefined,
    lastSync: knowledge.syncedMs === 0 ? null : toTimestamp(knowledge.syncedMs),
    authority: input.authority,
    state,
    ready: isReady,
    reason,
    remedy,
    ...(failing && {
      failedAttempts: failing.count,
      failingSince: toTimestamp(failing.sinceMs),
      nextAttempt: toTimestamp(failing.nextMs),
    }),
    svids: held.slice(0, MAX_SVIDS).map(heldSvid),
    svidsLeftOut: Math.max(0, held.length - MAX_SVIDS),
    ...(current && {
      bot: current.bot,
      botInstanceId: current.botInstanceId,
      generation: String(current.generation),
      botIdentityExpires: toTimestamp(expiresMs(current)),
    }),
  }
}

function heldSvid({ expiresMs: at, ...svid }: HeldX509Svid) {
  return { ...svid, expires: toTimestamp(at) }
}
