import { type ParsedResource, resourcesOf } from '../../config/resources.ts'
import { formatDuration } from '../../foundation/duration.ts'
import { lifeProblem } from '../../foundation/life-problem.ts'
import type { Catalogue } from './catalogue.ts'
import { roleBoundsAfter } from './role-warnings.ts'

/** The lifetimes of the keys that sign SVIDs. */
export interface KeyLives {
  readonly x509Seconds: number
  readonly jwtSeconds: number
}

/**
 * Warns where a workload identity asks for a longer TTL than the signing key, or any role that may
 * use it, allows.
 */
export function warnOfShortLives(
  resources: readonly ParsedResource[],
  catalogue: Catalogue,
  keyLives: KeyLives,
): string[] {
  const identities = resourcesOf(resources, 'workload_identity')
  if (identities.length === 0) return []
  const roles = [...roleBoundsAfter(resources, catalogue).values()]
  const warnings: string[] = []
  for (const identity of identities) {
    const usable = roles.filter((role) => role.mayUse(identity))
    const longest = Math.max(...usable.map((role) => role.longestTtlSeconds(identity)))
    for (const [kind, ttl, keyLife] of [
      ['x509', identity.spec.x509?.ttlSeconds, keyLives.x509Seconds],
      ['jwt', identity.spec.jwt?.ttlSeconds, keyLives.jwtSeconds],
    ] as const) {
      if (ttl === undefined) continue
      const where = `${identity.at(['spec', kind, 'ttl'])}: workload_identity ${identity.name}: ${kind}.ttl`
      const problem = lifeProblem(ttl, keyLife, formatDuration)
      if (problem) warnings.push(`${where}: ${problem}`)
      if (usable.length > 0 && longest < ttl) {
        warnings.push(
          `${where}: no role lets it live ${formatDuration(ttl)}: max_ttl allows ${formatDuration(longest)}`,
        )
      }
    }
  }
  return warnings
}
