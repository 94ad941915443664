import type { Grant } from '../../policy/compile.ts'
import type { Knowledge } from '../sync/knowledge.ts'

/** `notBefore` is a minute before the signing (decision 0018); the rest is for rounding. */
export const X509_BACKDATED_MS = 61_000
/** For a token the usual leeway of verifiers comes on top. */
export const JWT_BACKDATED_MS = 121_000

/**
 * Whether the roles of the bot now allow only shorter lives than that of this SVID: somebody lowered
 * `max_ttl`, and means the SVIDs that exist, too. Both times are the authority's, so a wrong clock of
 * this host changes nothing.
 */
export function livesTooLong(
  { notBeforeMs, notAfterMs }: { readonly notBeforeMs: number; readonly notAfterMs: number },
  backdatedMs: number,
  grant: Grant | undefined,
  knowledge: Knowledge | undefined,
): boolean {
  const labels = grant && knowledge?.policy.get(grant.identity)?.identity.labels
  if (grant === undefined || knowledge === undefined || labels === undefined) return false
  const verdict = knowledge.checkRoles(grant, labels)
  if ('refused' in verdict || verdict.maxTtlSeconds === undefined) return false
  return notAfterMs - notBeforeMs > verdict.maxTtlSeconds * 1000 + backdatedMs
}
