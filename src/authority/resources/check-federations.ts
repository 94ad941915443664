import { type ParsedResource, resourcesOf } from '../../config/resources.ts'
import { Bundle } from '../../spiffe/bundle.ts'
import { trustDomainReadingProblem } from '../../spiffe/trust-domain.ts'
import type { Catalogue } from './catalogue.ts'
import type { ReferenceFindings } from './check-references.ts'
import { federationSpecOf } from './stored-specs.ts'

/**
 * Checks federations against this trust domain and each other, and whether workload identities name
 * existing ones.
 */
export function checkFederations(
  resources: readonly ParsedResource[],
  catalogue: Catalogue,
  ownTrustDomain: string,
): ReferenceFindings {
  const found: ReferenceFindings = { problems: [], warnings: [] }
  const inFile = resourcesOf(resources, 'federation')
  const owners = new Map<string, string>()
  const replaced = new Set(inFile.map(({ name }) => name))
  for (const stored of catalogue.all('federation')) {
    if (!replaced.has(stored.name)) owners.set(federationSpecOf(stored).trust_domain, stored.name)
  }
  for (const federation of inFile) {
    const { trust_domain } = federation.spec
    const where = `${federation.at(['spec', 'trust_domain'])}: spec.trust_domain`
    const owner = owners.get(trust_domain)
    if (trust_domain === ownTrustDomain) {
      found.problems.push(`${where}: ${trust_domain} is the trust domain of this authority`)
    } else if (owner !== undefined) {
      found.problems.push(`${where}: the federation ${owner} is for ${trust_domain} already: change that one`)
    } else owners.set(trust_domain, federation.name)
    const unreadable = trustDomainReadingProblem(trust_domain)
    if (unreadable !== undefined)
      found.warnings.push(`${where}: some clients cannot read SVIDs of ${trust_domain}: ${unreadable}`)
    found.warnings.push(...bundleWarnings(federation, catalogue))
  }
  for (const resource of resourcesOf(resources, 'workload_identity')) {
    const { federates_with = [] } = resource.spec
    for (const [index, name] of federates_with.entries()) {
      if (owners.has(name)) continue
      found.warnings.push(
        `${resource.at(['spec', 'federates_with', index])}: workload_identity ${resource.name}: there is no federation of ${name} yet: ` +
          'its bundle is delivered once there is',
      )
    }
  }
  return found
}

/** How many skipped parts of a bundle get a warning each. */
const MAX_SKIPPED = 16

/** Warns of what is valid but rarely intended. */
function bundleWarnings(federation: ParsedResource<'federation'>, catalogue: Catalogue): string[] {
  const { trust_domain, bundle } = federation.spec
  const warning = (message: string): string =>
    `${federation.at(['spec', 'bundle'])}: federation ${federation.name}: ${message}`
  const { x509Authorities, jwtAuthorities, sequence, skippedParts } = Bundle.parse(trust_domain, bundle)
  const warnings: string[] = []
  if (x509Authorities.length + jwtAuthorities.size === 0)
    warnings.push(warning(`its bundle has no key that can be used, so nothing of ${trust_domain} is trusted`))
  for (const { where, reason } of skippedParts.slice(0, MAX_SKIPPED))
    warnings.push(warning(`${where} of its bundle is not delivered: ${reason}`))
  if (skippedParts.length > MAX_SKIPPED) warnings.push(warning('more keys of its bundle are not delivered'))
  const before = catalogue.get('federation', federation.name)
  const last = before && Bundle.parse(trust_domain, federationSpecOf(before).bundle).sequence
  if (last !== undefined && sequence !== undefined && sequence < last) {
    warnings.push(
      warning(`its bundle (spiffe_sequence ${sequence}) is older than the one that is there (${last})`),
    )
  }
  return warnings
}
