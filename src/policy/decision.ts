import type { Attributes } from './attributes.ts'
import type { CompiledIdentity } from './compiled-identity.ts'
import { Facts } from './expression.ts'
import type { Grant, IdentityExplanation } from './grant.ts'
import { type LifeLimits, withLives } from './life.ts'
import type { Policy } from './policy.ts'
import type { BoundedIdentity, RoleVerdict } from './role.ts'

/** What said no. When several identities are refused, the one that came furthest gives the reason. */
export type RefusedBy = 'bot_locked' | 'no_identity' | 'role_refuses' | 'locked'

/** What stands above the rules of workload identities, as far as the program that decides knows it. */
export interface Bounds {
  /** The lock on the bot, its instance or its join token, in one sentence; undefined: none. */
  readonly botLock: string | undefined
  /** False when no role permits anything of this identity. Absent where only permitted identities are known. */
  mayUse?(identity: BoundedIdentity): boolean
  /** What the roles of the bot say of a grant. */
  checkRoles(grant: Grant, labels: Readonly<Record<string, string>>): RoleVerdict
  /** The lock on the identity or its SPIFFE ID, in one sentence. */
  lockOn(subject: { readonly workloadIdentity: string; readonly spiffeId: string }): string | undefined
}

export interface Permitted {
  readonly grant: Grant
  /** The longest life that the roles allow; undefined: no bound. */
  readonly maxTtlSeconds: number | undefined
}

export interface Refused {
  readonly refused: string
  readonly by: RefusedBy
}

/**
 * The one decision: a role that permits the identity, its rules, the bounds of the roles, the locks. Agent, authority and both
 * explanations ask it, so that they cannot differ. The first that says no gives the reason.
 */
export function judge(
  compiled: CompiledIdentity,
  attributes: Attributes | Facts,
  bounds: Bounds,
): Permitted | Refused {
  if (bounds.mayUse?.(compiled.identity) === false) {
    return { refused: 'no role of the bot permits this workload identity', by: 'role_refuses' }
  }
  const decision = compiled.decideOn(attributes instanceof Facts ? attributes : new Facts(attributes))
  if ('refused' in decision) return { refused: decision.refused, by: 'no_identity' }
  return withinBounds(decision, compiled, bounds)
}

/**
 * All that a caller is given, in the order of delivery, or what refused it: `judge` for each identity, found by the index. A lock on the
 * bot is the reason even where the rules would have refused as well.
 */
export function decide(
  policy: Policy,
  attributes: Attributes,
  bounds: Bounds,
): { readonly grants: readonly Grant[] } | { readonly by: RefusedBy } {
  if (bounds.botLock !== undefined) return { by: 'bot_locked' }
  const grants: Grant[] = []
  let by: RefusedBy = 'no_identity'
  for (const grant of policy.decide(attributes)) {
    const compiled = policy.get(grant.identity)
    if (compiled === undefined || bounds.mayUse?.(compiled.identity) === false) continue
    const verdict = withinBounds(grant, compiled, bounds)
    if ('grant' in verdict) grants.push(grant)
    else if (by !== 'locked') by = verdict.by
  }
  return grants.length > 0 ? { grants } : { by }
}

/** `judge` for a person, with the lives that SVIDs would have now where their limits are known. */
export function explain(
  compiled: CompiledIdentity,
  attributes: Attributes | Facts,
  bounds: Bounds,
  lives?: { readonly nowMs: number; limits(roleMaxTtlSeconds: number | undefined): LifeLimits | undefined },
): IdentityExplanation {
  const { name, revision } = compiled.identity
  const verdict = judge(compiled, attributes, bounds)
  if ('refused' in verdict) return { identity: name, revision, granted: false, reason: verdict.refused }
  const explained = compiled.describe(verdict.grant)
  const limits = lives?.limits(verdict.maxTtlSeconds)
  return limits && lives ? withLives(explained, limits, lives.nowMs) : explained
}

function withinBounds(grant: Grant, { identity }: CompiledIdentity, bounds: Bounds): Permitted | Refused {
  const checked = bounds.checkRoles(grant, identity.labels)
  if ('refused' in checked) return { refused: checked.refused, by: 'role_refuses' }
  if (bounds.botLock !== undefined) return { refused: bounds.botLock, by: 'bot_locked' }
  const lock = bounds.lockOn({ workloadIdentity: identity.name, spiffeId: grant.spiffeId })
  if (lock !== undefined) return { refused: lock, by: 'locked' }
  return { grant, maxTtlSeconds: checked.maxTtlSeconds }
}
