import type { MatchSpec } from './match.ts'

/** What bots with a role may do; durations in seconds. */
export interface RoleSpec {
  readonly max_ttl?: number
  readonly allow?: readonly RoleRuleSpec[]
  readonly deny?: readonly RoleRuleSpec[]
}

/** One grammar for every kind: a kind, which of it, and what is granted on it. */
export interface RoleRuleSpec {
  readonly kind: string
  readonly name?: string | readonly string[]
  readonly labels?: Readonly<Record<string, MatchSpec>>
  readonly spiffe_ids?: readonly string[]
  readonly dns_names?: readonly string[]
  readonly verbs?: readonly string[]
  readonly [more: string]: unknown
}
