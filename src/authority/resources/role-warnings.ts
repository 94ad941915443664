import { type ParsedResource, resourcesOf } from '../../config/resources.ts'
import { RoleBounds } from '../../policy/role.ts'
import type { Catalogue } from './catalogue.ts'
import { roleSpecOf } from './stored-specs.ts'

/** Matches a SPIFFE ID template that uses `workload.*`, which the agent can choose. */
const MADE_FROM_WORKLOAD = /\{\{[^}]*\bworkload\s*[.[]/

interface Usable {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
}

/**
 * The role is the security boundary between hosts (decision 0026). Warns where a bot may use a
 * workload identity whose SPIFFE ID is made from `workload.*` through a role without `spiffe_ids`.
 * Such an agent can obtain any ID that the template can make.
 */
export function warnOfUnboundedIds(resources: readonly ParsedResource[], catalogue: Catalogue): string[] {
  const rolesInFile = resourcesOf(resources, 'role')
  const identitiesInFile = resourcesOf(resources, 'workload_identity').filter(({ spec }) =>
    MADE_FROM_WORKLOAD.test(spec.spiffe_id),
  )
  const newIdentities = new Set(identitiesInFile.map(({ name }) => name))
  const bounds = roleBoundsAfter(resources, catalogue)

  const warnings: string[] = []
  for (const identity of identitiesInFile) {
    const roles = [...bounds].flatMap(([name, role]) => (isUnbounded(role, identity) ? [name] : []))
    if (roles.length === 0) continue
    warnings.push(
      `${identity.at(['spec', 'spiffe_id'])}: workload_identity ${identity.name}: its SPIFFE ID is made from workload.*, ` +
        `which is the agent's word, and ${list('role', roles)} ${roles.length === 1 ? 'lets' : 'let'} bots use it without spiffe_ids: add spiffe_ids there`,
    )
  }
  for (const role of rolesInFile) {
    const own = bounds.get(role.name)
    const names: string[] = []
    for (const { identity } of catalogue.identities.values()) {
      if (newIdentities.has(identity.name) || !MADE_FROM_WORKLOAD.test(identity.spec.spiffe_id)) continue
      if (own && isUnbounded(own, identity)) names.push(identity.name)
    }
    if (names.length === 0) continue
    warnings.push(
      `${role.at(['spec', 'allow'])}: role ${role.name}: without spiffe_ids it lets bots use ${list('workload_identity', names)}, ` +
        "whose SPIFFE ID is made from workload.*, which is the agent's word: add spiffe_ids",
    )
  }
  return warnings
}

/** The bounds of each role as they will be once the file is applied. */
export function roleBoundsAfter(
  resources: readonly ParsedResource[],
  catalogue: Catalogue,
): ReadonlyMap<string, RoleBounds> {
  const inFile = resourcesOf(resources, 'role')
  const replaced = new Set(inFile.map(({ name }) => name))
  const bounds = new Map<string, RoleBounds>()
  for (const role of catalogue.all('role')) {
    if (!replaced.has(role.name))
      bounds.set(role.name, new RoleBounds([{ name: role.name, spec: roleSpecOf(role) }]))
  }
  for (const { name, spec } of inFile) bounds.set(name, new RoleBounds([{ name, spec }]))
  return bounds
}

function isUnbounded(role: RoleBounds, identity: Usable): boolean {
  return role.mayUse(identity) && !role.hasSpiffeIdBound(identity)
}

const MAX_NAMED = 3

function list(noun: string, names: readonly string[]): string {
  const named = names.slice(0, MAX_NAMED).join(', ')
  return names.length > MAX_NAMED
    ? `${noun} ${named} and ${names.length - MAX_NAMED} more`
    : `${noun} ${named}`
}
