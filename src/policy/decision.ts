import type { Attributes } from './attributes.ts'
import type { CompiledIdentity } from './compiled-identity.ts'
import type { Grant, IdentityExplanation } from './grant.ts'
import { type LifeLimits, withLives } from './life.ts'
import type { Policy } from './policy.ts'
import type { BoundedIdentity, RoleVerdict } from './role.ts'

/**
 * What refused the caller. If several identities are refused, the latest stage reached gives the
 * reason.
 */
type RefusedBy = 'bot_locked' | 'no_identity' | 'role_refuses' | 'locked'

/** The bounds above the rules of workload identities, as far as the deciding program knows them. */
export interface Bounds {
  /**
   * A sentence about the lock on the bot, its instance or its join token; undefined if there is
   * none.
   */
  readonly botLock: string | undefined
  /** False if no role permits this identity at all. Absent where only permitted identities are known. */
  mayUse?(identity: BoundedIdentity): boolean
  /** Checks a grant against the bot's roles. */
  checkRoles(grant: Grant, labels: Readonly<Record<string, string>>): RoleVerdict
  /** A sentence about the lock on the identity or its SPIFFE ID; undefined if there is none. */
  lockOn(subject: { readonly workloadIdentity: string; readonly spiffeId: string }): string | undefined
}

interface Permitted {
  readonly grant: Grant
  /** The longest TTL that the roles allow; undefined if there is no bound. */
  readonly maxTtlSeconds: number | undefined
}

interface Refused {
  readonly refused: string
  readonly by: RefusedBy
}

/**
 * Makes the decision, in this order: a role permits the identity, its rules match, the grant is
 * within the roles' bounds, nothing is locked. The first of these to refuse gives the reason. The
 * agent, the authority and both explanations call it, so they cannot differ.
 */
export function judge(
  compiled: CompiledIdentity,
  attributes: Attributes,
  bounds: Bounds,
): Permitted | Refused {
  if (bounds.mayUse?.(compiled.identity) === false) {
    return { refused: 'no role of the bot permits this workload identity', by: 'role_refuses' }
  }
  const decision = compiled.decide(attributes)
  if ('refused' in decision) return { refused: decision.refused, by: 'no_identity' }
  return withinBounds(decision, compiled, bounds)
}

/**
 * All grants of a caller, in the order of delivery, or what refused it: like {@link judge} for each
 * identity that the index finds. A lock on the bot is the reason even if the rules would refuse as
 * well.
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
    const compiled = policy.get(grant.identity) as CompiledIdentity // the policy has just granted it
    if (bounds.mayUse?.(compiled.identity) === false) continue
    const verdict = withinBounds(grant, compiled, bounds)
    if ('grant' in verdict) grants.push(grant)
    else if (by !== 'locked') by = verdict.by
  }
  return grants.length > 0 ? { grants } : { by }
}

/**
 * Explains {@link judge} to an operator. If their limits are known, it includes the lifetimes that
 * SVIDs would have if they were issued now.
 */
export function explain(
  compiled: CompiledIdentity,
  attributes: Attributes,
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
