import type { IdentityRecord } from './identity-record.ts'
import type { FederatedRecord } from './known-federation.ts'
import type { LockRecord } from './known-locks.ts'

/** The agent's knowledge as received and as saved. Plain JSON. */
export interface KnowledgeRecord {
  readonly version: 1
  readonly trustDomain: string
  readonly syncedMs: number
  readonly bot: SavedBot
  readonly bundle: BundleRecord
  readonly federated: readonly FederatedRecord[]
  readonly locks: readonly LockRecord[]
  readonly identities: readonly IdentityRecord[]
}

/** The bot, as the authority describes it. */
export interface SavedBot {
  readonly name: string
  readonly instanceId: string
  readonly attributesJson: string
  /** Absent in the state of earlier versions. */
  readonly rolesJson?: string
}

/** The bundle of the agent's own trust domain, as text. */
export interface BundleRecord {
  readonly json: string
  readonly taintedKeyIds: readonly string[]
  readonly activeX509KeyId: string
  readonly activeJwtKeyId: string
  /** Absent or empty if the authority has only `activeJwtKeyId`. */
  readonly activeJwtKeyIds?: readonly string[]
  /** Absent if the authority does not send them. */
  readonly svidLives?: {
    readonly defaultX509Seconds: string
    readonly defaultJwtSeconds: string
    readonly jwtSignerNotAfter: string
  } | null
}
