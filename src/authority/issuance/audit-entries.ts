import type { Actor } from '../audit/events.ts'
import type { Noted } from '../audit/summed-rows.ts'
import type { InstanceFacts } from '../resources/facts.ts'
import type { Claim } from './claim.ts'

export type Kind = 'x509' | 'jwt'

/** Who asks, and for what. */
export interface AuditedOccasion {
  readonly actor: Actor
  readonly instance: InstanceFacts
  readonly claim: Claim
}

/** What the audit rows of both kinds have in common. */
export function issuedDetail(
  asked: AuditedOccasion,
  revision: string,
  spiffeId: string,
  notAfter: number,
  attributes: unknown,
) {
  return {
    bot: asked.instance.bot,
    botInstance: asked.instance.id,
    workloadIdentity: asked.claim.workloadIdentity,
    revision,
    spiffeId,
    notAfter,
    ...asked.claim.asked,
    attributes,
  }
}

/** A refusal for the audit log: its own row, or a part of the instance's summed row. */
export function refusedOf(svid: Kind, asked: AuditedOccasion, reason: string, attributes: unknown): Noted {
  const { actor, instance, claim } = asked
  const subject = { bot: instance.bot, botInstance: instance.id }
  return {
    key: instance.id,
    reason,
    entry: (ref) => ({
      event: 'svid.refused',
      actor,
      ref,
      detail: {
        ...subject,
        svid,
        workloadIdentity: claim.workloadIdentity,
        revision: claim.revision,
        // The claim is the agent's word and of any length; a SPIFFE ID has at most 2048 bytes
        // (SPIFFE-ID §2.3).
        spiffeId: claim.spiffeId.slice(0, 2048),
        reason,
        ...claim.asked,
        attributes,
      },
    }),
    summed: (sum, ref) => ({ event: 'svid.refused_more', actor, ref, detail: { ...subject, ...sum } }),
  }
}
