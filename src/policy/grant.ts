import type { KeyType } from '../crypto/keys.ts'
import type { AllowedAudiences } from './allowed-audiences.ts'
import type { Attributes } from './attributes.ts'
import type { ExplainedLife } from './life.ts'

/** What one workload identity gives a caller, rendered for that caller. */
export interface Grant {
  readonly identity: string
  readonly revision: string
  readonly spiffeId: string
  readonly hint: string
  /** The lower priority comes first. */
  readonly priority: number
  readonly x509: {
    readonly ttlSeconds: number
    readonly keyType: KeyType
    readonly dnsSans: readonly string[]
  }
  readonly jwt: {
    readonly ttlSeconds: number
    readonly extraClaims: Readonly<Record<string, unknown>>
    /** Absent: any audience. */
    readonly audiences?: AllowedAudiences
  }
  readonly federatesWith: readonly string[]
  /** Equal for equal rendered results; the key of caches. */
  readonly key: string
  /** The rule that matched, for operators: `allow[0]`. */
  readonly rule: string
}

/** Why an identity was not granted, in one sentence. */
export interface Refusal {
  readonly identity: string
  readonly refused: string
}

/** The decision on one workload identity, for an operator. */
export interface IdentityExplanation {
  readonly identity: string
  readonly revision: string
  readonly granted: boolean
  /** What a grant also needs, but could not be looked at. */
  readonly onlyIf?: string
  readonly spiffeId?: string
  readonly hint?: string
  readonly priority?: number
  /** Its position among the granted identities; 1 is the default identity. */
  readonly order?: number
  /** What it loses to identities before it, such as its hint. */
  readonly note?: string
  readonly keyType?: KeyType
  /** The audiences to which its tokens are limited. */
  readonly audiences?: string
  /** The identity's own TTLs in seconds, if it sets them. */
  readonly x509Ttl?: number
  readonly jwtTtl?: number
  /** The lifetimes of its SVIDs if they were issued now. */
  readonly x509Life?: ExplainedLife
  readonly jwtLife?: ExplainedLife
  readonly rule?: string
  readonly reason?: string
}

export interface Explanation {
  /** What was unknown and therefore not considered, one sentence each. */
  readonly notConsidered?: readonly string[]
  readonly attributes: Attributes
  readonly identities: readonly IdentityExplanation[]
}
