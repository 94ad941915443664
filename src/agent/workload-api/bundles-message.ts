import type { Grant } from '../../policy/compile.ts'
import { encodeMessage } from '../../rpc/services.ts'
import type { Bundle } from '../../spiffe/bundle.ts'
import { SvidUnavailableError } from '../entitlement/errors.ts'
import { federatedBundles } from '../entitlement/granted-bundles.ts'
import type { LeftOut } from '../entitlement/left-out.ts'
import { MAX_MESSAGE_SIZE, type Message } from '../entitlement/message.ts'
import type { Knowledge } from '../sync/knowledge.ts'

/**
 * The maximum number of bundles in a response, the agent's own included: rust-spiffe accepts no
 * more.
 */
const MAX_BUNDLES = 200

/**
 * Formats bundles, keyed by the SPIFFE ID of their trust domain. Empty ones are skipped, because
 * clients do not accept them; those that do not fit are left out and reported.
 */
function bundleMap(
  bundles: readonly Bundle[],
  format: (bundle: Bundle) => Buffer,
  limits: { readonly room: number; readonly most: number },
  leftOut: Pick<LeftOut, 'bundles'>,
): Record<string, Buffer> {
  const map = new Map<string, Buffer>()
  const without: string[] = []
  let { room } = limits
  for (const bundle of bundles) {
    const { trustDomain } = bundle
    const bytes = format(bundle)
    if (bytes.length === 0) continue
    const size = bytes.length + trustDomain.length + 32
    if (size > room || map.size >= limits.most) {
      without.push(trustDomain)
      continue
    }
    room -= size
    map.set(trustDomainId(trustDomain), bytes)
  }
  if (without.length > 0) leftOut.bundles(without)
  return Object.fromEntries(map)
}

/**
 * The federated bundles of an X509SVIDResponse, in which each SVID has the agent's own bundle
 * beside it.
 */
export function federatedMap(
  grants: readonly Grant[],
  knowledge: Knowledge,
  room: number,
  leftOut: Pick<LeftOut, 'bundles'>,
): Record<string, Buffer> {
  const limits = { room, most: MAX_BUNDLES - 1 }
  return bundleMap(federatedBundles(grants, knowledge), (bundle) => bundle.x509Der(), limits, leftOut)
}

export function trustDomainId(trustDomain: string): string {
  return `spiffe://${trustDomain}`
}

/** X509BundlesResponse (Workload API §5.2.2). */
export function x509BundlesMessage(
  grants: readonly Grant[],
  knowledge: Knowledge,
  leftOut: Pick<LeftOut, 'bundles'>,
): Message {
  return bundlesMessage('X509BundlesResponse', grants, knowledge, leftOut, (bundle) => bundle.x509Der())
}

/** JWTBundlesResponse (Workload API §6.2.2). */
export function jwtBundlesMessage(
  grants: readonly Grant[],
  knowledge: Knowledge,
  leftOut: Pick<LeftOut, 'bundles'>,
): Message {
  return bundlesMessage('JWTBundlesResponse', grants, knowledge, leftOut, (bundle) => bundle.formatJwks())
}

function bundlesMessage(
  type: string,
  grants: readonly Grant[],
  knowledge: Knowledge,
  leftOut: Pick<LeftOut, 'bundles'>,
  format: (bundle: Bundle) => Buffer,
): Message {
  const all = [knowledge.bundle, ...federatedBundles(grants, knowledge)]
  const bundles = bundleMap(all, format, { room: MAX_MESSAGE_SIZE, most: MAX_BUNDLES }, leftOut)
  if (bundles[trustDomainId(knowledge.bundle.trustDomain)] === undefined) throw new SvidUnavailableError()
  const bytes = encodeMessage(type, { bundles })
  const always = { validFromMs: Number.NEGATIVE_INFINITY, validUntilMs: Number.POSITIVE_INFINITY }
  return { bytes, ...always, spiffeIds: [], delivered: undefined }
}
