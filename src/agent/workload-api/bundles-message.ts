import type { Grant } from '../../policy/compile.ts'
import { encodeMessage } from '../../rpc/services.ts'
import type { Bundle } from '../../spiffe/bundle.ts'
import type { Knowledge } from '../knowledge.ts'
import { SvidUnavailableError } from './errors.ts'
import { LARGEST_MESSAGE, type Message } from './message.ts'

/** Bundles of foreign trust domains that these grants federate with, as far as they are known; never the own one. */
export function federatedBundles(grants: readonly Grant[], knowledge: Knowledge): readonly Bundle[] {
  const names = new Set(grants.flatMap(({ federatesWith }) => federatesWith))
  names.delete(knowledge.bundle.trustDomain)
  return [...names].sort().flatMap((name) => knowledge.federatedBundles.get(name) ?? [])
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

/** Values by trust domain, keyed by its SPIFFE ID; what is empty or no longer fits is left out. */
export function bundleMap(
  bundles: readonly Bundle[],
  format: (bundle: Bundle) => Buffer,
  room: number,
): Record<string, Buffer> {
  const map: Record<string, Buffer> = {}
  let left = room
  for (const bundle of bundles) {
    const bytes = format(bundle)
    const size = bytes.length + bundle.trustDomain.length + 32
    if (bytes.length === 0 || size > left) continue
    left -= size
    map[trustDomainId(bundle)] = bytes
  }
  return map
}

function trustDomainId({ trustDomain }: Bundle): string {
  return `spiffe://${trustDomain}`
}

/** X509BundlesResponse (Workload API §5.2.2). */
export function x509BundlesMessage(grants: readonly Grant[], knowledge: Knowledge): Message {
  return bundlesMessage('X509BundlesResponse', grants, knowledge, (bundle) => bundle.x509Der())
}

/** JWTBundlesResponse (Workload API §6.2.2). */
export function jwtBundlesMessage(grants: readonly Grant[], knowledge: Knowledge): Message {
  return bundlesMessage('JWTBundlesResponse', grants, knowledge, (bundle) => bundle.formatJwks())
}

function bundlesMessage(
  type: string,
  grants: readonly Grant[],
  knowledge: Knowledge,
  format: (bundle: Bundle) => Buffer,
): Message {
  const all = [knowledge.bundle, ...federatedBundles(grants, knowledge)]
  const bundles = bundleMap(all, format, LARGEST_MESSAGE)
  if (bundles[trustDomainId(knowledge.bundle)] === undefined) throw new SvidUnavailableError()
  const bytes = encodeMessage(type, { bundles })
  return { bytes, validUntilMs: Number.POSITIVE_INFINITY, spiffeIds: [], delivered: undefined }
}
