import { CodedError } from '../../foundation/errors.ts'
import type { Attributes } from '../../policy/attributes.ts'
import type { Grant } from '../../policy/compile.ts'
import { judge } from '../../policy/decision.ts'
import { parseWorkload } from '../../policy/parse-attributes.ts'
import type { RoleBounds } from '../../policy/role.ts'
import { factsOf, type InstanceFacts } from '../resources/facts.ts'
import type { IdentityEntry } from '../resources/identity-entry.ts'
import { type BoundsDeps, boundsOf } from './bounds.ts'

/** What an agent requests an SVID for. */
export interface Claim {
  readonly workloadIdentity: string
  readonly revision: string
  readonly spiffeId: string
  readonly workloadAttributesJson: string
  /** Why the agent asks; see `IssuedSubject` in audit/events.ts. */
  readonly asked: Asking
}

export interface Asking {
  readonly occasion?: 'call' | 'renewal'
  readonly holders?: number
  readonly askedMs?: number
  readonly adjusted?: true
}

/**
 * The agent decided with an older revision of the workload identity; it may ask again after a sync.
 */
export class StaleClaimError extends CodedError {
  override readonly name = 'StaleClaimError'
  readonly code = 'ERR_ISSUANCE_STALE'
  readonly kind = 'failed_precondition'
}

/** What the authority grants after its own decision. */
export interface ApprovedClaim {
  readonly grant: Grant
  /** What the bot's roles permitted at that time. */
  readonly bounds: RoleBounds
  /** The smallest `max_ttl` of the roles that grant it; undefined when none has one. */
  readonly roleMaxTtlSeconds: number | undefined
  readonly attributes: Attributes
}

interface ClaimRefusal {
  /** The reason, for the audit log. The agent gets only a reference. */
  readonly refused: string
  readonly attributes: Attributes
}

export interface ClaimDeps extends BoundsDeps {
  readonly identity: (name: string) => IdentityEntry | undefined
  readonly traits: (bot: string) => Readonly<Record<string, unknown>>
}

/**
 * Makes the authority's own decision (decision 0026). It checks the bot's roles and their bounds, the
 * revision, locks, and everything under `join.*` and `bot.*`, and renders the SPIFFE ID again. Only
 * `workload.*` is the agent's word.
 *
 * @throws StaleClaimError when the agent knows another revision
 */
export function checkClaim(
  deps: ClaimDeps,
  instance: InstanceFacts,
  claim: Claim,
): ApprovedClaim | ClaimRefusal {
  const entry = deps.identity(claim.workloadIdentity)
  if (entry?.revision !== claim.revision)
    throw new StaleClaimError('the workload identity has changed: sync and ask again')
  const facts = factsOf(instance, deps.traits(instance.bot))
  const claimed = parseWorkload(claim.workloadAttributesJson)
  if ('problem' in claimed) return { refused: claimed.problem, attributes: { ...facts } }
  const attributes: Attributes = { workload: claimed.workload, ...facts }
  const refuse = (refused: string): ClaimRefusal => ({ refused, attributes })

  const verdict = judge(entry.compiled, attributes, boundsOf(deps, instance))
  if ('refused' in verdict) return refuse(verdict.refused)
  const { grant, maxTtlSeconds } = verdict
  if (grant.spiffeId !== claim.spiffeId) return refuse(`the attributes make ${grant.spiffeId}`)
  return { grant, bounds: deps.bounds(instance.bot), roleMaxTtlSeconds: maxTtlSeconds, attributes }
}
