import { compileIdentityRule, type IdentityRule, selects } from './identity-rule.ts'
import { describe } from './match.ts'
import { PolicyInvalidError, Problems } from './problem.ts'
import type { RoleSpec } from './role-spec.ts'

export { checkRole, unsupportedRules } from './role-check.ts'
export type { RoleRuleSpec, RoleSpec } from './role-spec.ts'

/** The parts of a workload identity that a role checks before anything is rendered. */
export interface BoundedIdentity {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
}

/** The parts of a grant that roles bound. */
interface BoundedGrant {
  readonly identity: string
  readonly labels: Readonly<Record<string, string>>
  readonly spiffeId: string
  readonly dnsSans: readonly string[]
}

/** The longest TTL allowed for a grant (undefined: no bound), or why it is refused. */
export type RoleVerdict = { readonly maxTtlSeconds: number | undefined } | { readonly refused: string }

interface AllowRule extends IdentityRule {
  readonly maxTtlSeconds: number | undefined
}

/**
 * What a bot's roles allow together: the union of their allow rules, each within its own bounds,
 * minus every deny. One rule must cover the whole grant: a SPIFFE ID that one rule allows and a DNS
 * name that another allows do not add up to a certificate with both.
 */
export class RoleBounds {
  readonly #allow: AllowRule[] = []
  readonly #deny: IdentityRule[] = []

  /** @throws PolicyInvalidError for a role that `checkRole` rejects */
  constructor(roles: readonly { readonly name: string; readonly spec: RoleSpec }[]) {
    for (const { name, spec } of roles) {
      const problems = new Problems()
      for (const [at, rule] of (spec.allow ?? []).entries()) {
        if (!concernsUse(rule)) continue
        this.#allow.push({
          ...compileIdentityRule(rule, ['allow', at], problems),
          maxTtlSeconds: spec.max_ttl,
        })
      }
      for (const [at, rule] of (spec.deny ?? []).entries()) {
        if (concernsUse(rule)) this.#deny.push(compileIdentityRule(rule, ['deny', at], problems))
      }
      if (problems.list.length > 0) throw new PolicyInvalidError(`role ${name}`, problems.list)
    }
  }

  /** Whether some grant of this identity could be within the bounds. */
  mayUse(identity: BoundedIdentity): boolean {
    if (!this.#allow.some((rule) => selects(rule, identity))) return false
    return !this.#deny.some(
      (rule) => rule.spiffeIds === undefined && rule.dnsNames === undefined && selects(rule, identity),
    )
  }

  check(grant: BoundedGrant): RoleVerdict {
    const identity = { name: grant.identity, labels: grant.labels }
    const path = pathOf(grant.spiffeId)
    const denied = this.#deny.some(
      (rule) =>
        selects(rule, identity) &&
        isForId(rule, path) &&
        (rule.dnsNames?.some((pattern) => grant.dnsSans.some((name) => pattern.touches(name))) ?? true),
    )
    if (denied) return { refused: 'a role denies this workload identity' }
    const selecting = this.#allow.filter((rule) => selects(rule, identity))
    if (selecting.length === 0) return { refused: 'no role allows this workload identity' }
    const sameId = selecting.filter((rule) => isForId(rule, path))
    if (sameId.length === 0) return { refused: `no role allows the SPIFFE ID ${grant.spiffeId}` }
    const granting = sameId.filter((rule) => grant.dnsSans.every((name) => dnsAllowed(rule, name)))
    if (granting.length === 0) {
      return { refused: `no role allows the DNS names ${describe(grant.dnsSans, ', ')} with this SPIFFE ID` }
    }
    const limits = granting.flatMap((rule) => rule.maxTtlSeconds ?? [])
    return { maxTtlSeconds: limits.length === 0 ? undefined : Math.min(...limits) }
  }

  /**
   * The longest TTL in seconds that any rule allows for this identity; Infinity if there is no
   * bound.
   */
  longestTtlSeconds(identity: BoundedIdentity): number {
    const granting = this.#allow.filter((rule) => selects(rule, identity))
    return Math.max(...granting.map(({ maxTtlSeconds = Number.POSITIVE_INFINITY }) => maxTtlSeconds))
  }

  /** Whether every rule that allows this identity also bounds its SPIFFE ID. */
  hasSpiffeIdBound(identity: BoundedIdentity): boolean {
    return !this.#allow.some((rule) => rule.spiffeIds === undefined && selects(rule, identity))
  }
}

/** False for a rule that another version stored with verbs or another kind. */
function concernsUse(rule: { readonly kind: string; readonly verbs?: readonly string[] }): boolean {
  return rule.kind === 'workload_identity' && rule.verbs === undefined
}

function pathOf(spiffeId: string): string {
  const slash = spiffeId.indexOf('/', 'spiffe://'.length)
  return slash < 0 ? '' : spiffeId.slice(slash)
}

/** A rule without SPIFFE IDs is for any. */
function isForId(rule: IdentityRule, path: string): boolean {
  return rule.spiffeIds?.some((glob) => glob.matches(path)) ?? true
}

/** A rule without DNS names allows none. */
function dnsAllowed(rule: IdentityRule, name: string): boolean {
  return rule.dnsNames?.some((pattern) => pattern.allows(name)) ?? false
}
