import type { MatchSpec } from './match.ts'

/** What bots with a role may do. Durations are in seconds. */
export interface RoleSpec {
  readonly max_ttl?: number
  readonly allow?: readonly RoleRuleSpec[]
  readonly deny?: readonly RoleRuleSpec[]
}

/**
 * One rule, in one grammar for every kind: the kind, which resources of it, and what is granted on
 * them.
 */
export interface RoleRuleSpec {
  readonly kind: string
  readonly name?: string | readonly string[]
  readonly labels?: Readonly<Record<string, MatchSpec>>
  readonly spiffe_ids?: readonly string[]
  readonly dns_names?: readonly string[]
  readonly verbs?: readonly string[]
  readonly [more: string]: unknown
}
