import type { IdentityRecord } from './identity-record.ts'
import type { FederatedRecord } from './known-federation.ts'
import type { LockRecord } from './known-locks.ts'

/** As it came and as it is kept; plain JSON. */
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

/** The bot as the authority calls it. */
export interface SavedBot {
  readonly name: string
  readonly instanceId: string
  readonly attributesJson: string
  /** Absent in what an earlier version kept. */
  readonly rolesJson?: string
}

/** The own trust domain's bundle, as text. */
export interface BundleRecord {
  readonly json: string
  readonly taintedKeyIds: readonly string[]
  readonly activeX509KeyId: string
  readonly activeJwtKeyId: string
  /** Absent or empty where the authority has one only: that one. */
  readonly activeJwtKeyIds?: readonly string[]
  /** Absent where the authority does not say. */
  readonly svidLives?: {
    readonly defaultX509Seconds: string
    readonly defaultJwtSeconds: string
    readonly jwtSignerNotAfter: string
  } | null
}
