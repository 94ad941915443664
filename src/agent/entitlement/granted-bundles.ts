import type { Grant } from '../../policy/compile.ts'
import type { Bundle } from '../../spiffe/bundle.ts'
import type { Knowledge } from '../sync/knowledge.ts'

/**
 * The known bundles of the foreign trust domains with which these grants federate. They are ordered
 * by grant, then by name.
 */
export function federatedBundles(grants: readonly Grant[], knowledge: Knowledge): readonly Bundle[] {
  const names = new Set(grants.flatMap(({ federatesWith }) => federatesWith.toSorted()))
  names.delete(knowledge.bundle.trustDomain)
  return [...names].flatMap((name) => knowledge.federatedBundles.get(name) ?? [])
}

/**
 * The bundle of a trust domain, if the caller may have it: it is the agent's own trust domain, or
 * its grants federate with it.
 */
export function bundleFor(
  trustDomain: string,
  grants: readonly Grant[],
  knowledge: Knowledge,
): Bundle | undefined {
  if (trustDomain === knowledge.bundle.trustDomain) return knowledge.bundle
  const isFederated = grants.some(({ federatesWith }) => federatesWith.includes(trustDomain))
  return isFederated ? knowledge.federatedBundles.get(trustDomain) : undefined
}
