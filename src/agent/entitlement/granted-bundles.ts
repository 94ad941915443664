import type { Grant } from '../../policy/compile.ts'
import type { Bundle } from '../../spiffe/bundle.ts'
import type { Knowledge } from '../sync/knowledge.ts'

/**
 * Bundles of foreign trust domains that these grants federate with, as far as they are known; never the own one. Those of the first identity
 * come first, by name.
 */
export function federatedBundles(grants: readonly Grant[], knowledge: Knowledge): readonly Bundle[] {
  const names = new Set(grants.flatMap(({ federatesWith }) => federatesWith.toSorted()))
  names.delete(knowledge.bundle.trustDomain)
  return [...names].flatMap((name) => knowledge.federatedBundles.get(name) ?? [])
}

/** The bundle of a trust domain for one caller: the own one, or one that its grants federate with. */
export function bundleFor(
  trustDomain: string,
  grants: readonly Grant[],
  knowledge: Knowledge,
): Bundle | undefined {
  if (trustDomain === knowledge.bundle.trustDomain) return knowledge.bundle
  const isFederated = grants.some(({ federatesWith }) => federatesWith.includes(trustDomain))
  return isFederated ? knowledge.federatedBundles.get(trustDomain) : undefined
}
