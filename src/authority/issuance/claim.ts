import { CodedError } from '../../foundation/errors.ts'
import type { Attributes } from '../../policy/attributes.ts'
import type { Grant } from '../../policy/compile.ts'
import { judge } from '../../policy/decision.ts'
import { parseWorkload } from '../../policy/parse-attributes.ts'
import type { RoleBounds } from '../../policy/role.ts'
import { factsOf, type InstanceFacts } from '../resources/facts.ts'
import type { IdentityEntry } from '../resources/identity-entry.ts'
import { type BoundsDeps, boundsOf } from './bounds.ts'

/** What an agent says it needs an SVID for. */
export interface Claim {
  readonly workloadIdentity: string
  readonly revision: string
  readonly spiffeId: string
  readonly workloadAttributesJson: string
  /** Why it asks; see the audit events. */
  readonly asked: Asking
}

export interface Asking {
  readonly occasion?: 'call' | 'renewal'
  readonly holders?: number
  readonly askedMs?: number
  readonly adjusted?: true
}

/** The agent decided by an older revision; it may ask again after a sync. */
export class StaleClaimError extends CodedError {
  override readonly name = 'StaleClaimError'
  readonly code = 'ERR_ISSUANCE_STALE'
  readonly kind = 'failed_precondition'
}

/** What the authority grants, having decided by itself. */
export interface ApprovedClaim {
  readonly grant: Grant
  /** What the roles of the bot permitted then. */
  readonly bounds: RoleBounds
  /** The smallest of the roles that grant it, if any has one. */
  readonly roleMaxTtlSeconds: number | undefined
  readonly attributes: Attributes
}

export interface ClaimRefusal {
  /** For the audit log; the agent only gets a reference. */
  readonly refused: string
  readonly attributes: Attributes
}

export interface ClaimDeps extends BoundsDeps {
  readonly identity: (name: string) => IdentityEntry | undefined
  readonly traits: (bot: string) => Readonly<Record<string, unknown>>
}

/**
 * The authority's own decision (decision 0026): the roles of the bot and their bounds, the revision, locks, everything under
 * `join.*` and `bot.*`, and the SPIFFE ID rendered again. Only `workload.*` is the agent's word.
 * @throws StaleClaimError when the agent knows another revision.
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
