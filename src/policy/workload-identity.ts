import type { KeyType } from '../crypto/keys.ts'
import type { MatchSpec } from './match.ts'

/** One rule: everything in it must hold. Alternatives are several rules in a list. */
export interface RuleSpec {
  readonly match?: Readonly<Record<string, MatchSpec>>
  readonly when?: string
}

/** The contents of `spec`; durations in seconds. */
export interface WorkloadIdentitySpec {
  readonly spiffe_id: string
  readonly hint?: string
  readonly priority?: number
  readonly allow?: readonly RuleSpec[]
  readonly deny?: readonly RuleSpec[]
  readonly x509?: {
    readonly ttlSeconds?: number
    readonly key_type?: KeyType
    readonly dns_sans?: readonly string[]
  }
  readonly jwt?: {
    readonly ttlSeconds?: number
    readonly extra_claims?: Readonly<Record<string, unknown>>
    readonly allowed_audiences?: MatchSpec
  }
  readonly federates_with?: readonly string[]
}

/** The resource that says which SPIFFE ID is given to which callers. */
export interface WorkloadIdentity {
  readonly name: string
  readonly revision: string
  readonly labels: Readonly<Record<string, string>>
  readonly spec: WorkloadIdentitySpec
}
