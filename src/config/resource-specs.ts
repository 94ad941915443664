import type { JoinTokenSpec } from './join-methods/registry.ts'

/** The specs of resources as they are after validation; durations in seconds. The shapes of `policy/`, which is above this folder. */

export type Scalar = string | number | boolean
/** A scalar is equality, a list any-of, `{ not }`, `{ glob }` and `{ exists: true }` the rest. */
export type MatchSpec =
  | Scalar
  | readonly Scalar[]
  | { readonly not: Scalar | readonly Scalar[] }
  | { readonly glob: string | readonly string[] }
  | { readonly exists: true }

export interface RuleSpec {
  readonly match?: Readonly<Record<string, MatchSpec>>
  readonly when?: string
}

export interface RoleRuleSpec {
  readonly kind: string
  readonly [more: string]: unknown
}

export interface SpecByKind {
  readonly role: {
    readonly max_ttl?: number
    readonly allow?: readonly RoleRuleSpec[]
    readonly deny?: readonly RoleRuleSpec[]
  }
  readonly bot: {
    readonly roles: readonly string[]
    readonly traits: Readonly<Record<string, Scalar | readonly string[] | readonly number[]>>
  }
  readonly join_token: JoinTokenSpec
  readonly workload_identity: {
    readonly spiffe_id: string
    readonly hint?: string
    readonly priority?: number
    readonly allow?: readonly RuleSpec[]
    readonly deny?: readonly RuleSpec[]
    readonly x509?: { readonly ttlSeconds?: number; readonly dns_sans?: readonly string[] }
    readonly jwt?: { readonly ttlSeconds?: number; readonly extra_claims?: Readonly<Record<string, unknown>> }
    readonly federates_with?: readonly string[]
  }
  readonly federation: {
    readonly trust_domain: string
    /** SPIFFE bundle, as JSON. */
    readonly bundle: string
  }
  readonly lock: { readonly target: LockTarget; readonly reason?: string }
}

export type LockTarget = Readonly<Partial<Record<(typeof LOCK_TARGETS)[number], string>>>

export const LOCK_TARGETS = ['bot', 'bot_instance', 'join_token', 'workload_identity', 'spiffe_id'] as const

export type ResourceKind = keyof SpecByKind
export type SpecOf<K extends ResourceKind> = SpecByKind[K]

export const RESOURCE_KINDS = [
  'role',
  'bot',
  'join_token',
  'workload_identity',
  'federation',
  'lock',
] as const satisfies ResourceKind[]
