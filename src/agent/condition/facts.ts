import type { Clock } from '../../foundation/clock.ts'
import { expiresMs } from '../state/bot-identity.ts'
import type { IdentityStore } from '../state/identity-file.ts'
import type { SvidCache } from '../svid-cache/svid-cache.ts'
import type { KnowledgeStore } from '../sync/knowledge-store.ts'
import type { Uplink } from '../uplink/uplink.ts'
import type { Facts } from './condition.ts'

export interface AgentParts {
  readonly authority: string
  readonly clock: Pick<Clock, 'now'>
  readonly store: IdentityStore
  readonly knowledge: KnowledgeStore
  readonly svids: Pick<SvidCache, 'countX509'>
  /** Undefined until it is loaded. */
  readonly authoritySide: Pick<Uplink, 'membership' | 'sync' | 'skew'> | undefined
}

/** Asks each part of the agent how it is doing now. */
export function factsOf({ authority, clock, store, knowledge, svids, authoritySide }: AgentParts): Facts {
  const { membership, sync, skew } = authoritySide ?? {}
  const current = store.stored?.current
  return {
    nowMs: clock.now().getTime(),
    authority,
    botExpiresMs: current && expiresMs(current),
    isConnected: sync?.connected ?? false,
    isInformed: knowledge.current.value !== undefined,
    botLock: knowledge.botLock,
    join: membership?.joining.failing,
    renewal: membership?.renewing.failing,
    sync: sync?.attempts.failing,
    svids: svids.countX509(),
    clockSkewMs: skew?.ms,
  }
}
