import type { KeyType } from '../crypto/keys.ts'
import type { AllowedAudiences } from './allowed-audiences.ts'
import type { Attributes } from './attributes.ts'
import type { ExplainedLife } from './life.ts'

/** What a caller is given by one workload identity, rendered for that caller. */
export interface Grant {
  readonly identity: string
  readonly revision: string
  readonly spiffeId: string
  readonly hint: string
  /** Lower comes first. */
  readonly priority: number
  readonly x509: {
    readonly ttlSeconds: number
    readonly keyType: KeyType
    readonly dnsSans: readonly string[]
  }
  readonly jwt: {
    readonly ttlSeconds: number
    readonly extraClaims: Readonly<Record<string, unknown>>
    /** Absent: any. */
    readonly audiences?: AllowedAudiences
  }
  readonly federatesWith: readonly string[]
  /** The same text for the same rendered result: what caches are keyed by. */
  readonly key: string
  /** Which rule matched, for people: `allow[0]`. */
  readonly rule: string
}

/** The first thing that said no, in one sentence. */
export interface Refusal {
  readonly identity: string
  readonly refused: string
}

/** A decision on one workload identity, told to an operator. */
export interface IdentityExplanation {
  readonly identity: string
  readonly revision: string
  readonly granted: boolean
  readonly spiffeId?: string
  readonly hint?: string
  readonly priority?: number
  /** Its place among those that are granted: 1 is the default identity. */
  readonly order?: number
  /** What it loses to those before it. */
  readonly note?: string
  readonly keyType?: KeyType
  /** The audiences it is limited to. */
  readonly audiences?: string
  /** In seconds, where it states them. */
  readonly x509Ttl?: number
  readonly jwtTtl?: number
  /** What its SVIDs would live if they were issued now. */
  readonly x509Life?: ExplainedLife
  readonly jwtLife?: ExplainedLife
  readonly rule?: string
  readonly reason?: string
}

export interface Explanation {
  readonly attributes: Attributes
  /** What was not known, and so was not considered, one sentence each. */
  readonly notConsidered?: readonly string[]
  readonly identities: readonly IdentityExplanation[]
}
