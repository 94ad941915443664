import type { ParsedResource } from '../../config/resources.ts'
import type { Catalogue } from './catalogue.ts'

export interface ReferenceFindings {
  readonly problems: string[]
  readonly warnings: string[]
}

/** Whether what the documents name is there, in the same file or already stored. */
export function checkReferences(
  resources: readonly ParsedResource[],
  catalogue: Catalogue,
): ReferenceFindings {
  const found: ReferenceFindings = { problems: [], warnings: [] }
  const inFile = new Set(resources.map(({ kind, name }) => `${kind} ${name}`))
  const exists = (kind: string, name: string): boolean =>
    inFile.has(`${kind} ${name}`) || catalogue.get(kind, name) !== undefined

  for (const resource of resources) {
    if (isKind(resource, 'bot')) {
      for (const [index, role] of resource.spec.roles.entries()) {
        if (exists('role', role)) continue
        found.problems.push(`${resource.at(['spec', 'roles', index])}: spec.roles: there is no role ${role}`)
      }
    } else if (isKind(resource, 'join_token')) {
      const { bot } = resource.spec
      if (!exists('bot', bot))
        found.problems.push(`${resource.at(['spec', 'bot'])}: spec.bot: there is no bot ${bot}`)
    } else if (isKind(resource, 'lock')) {
      // A lock may come before what it bans, so this is no mistake; a mistyped one would ban nobody.
      for (const [kind, name] of Object.entries(resource.spec.target)) {
        if (!NAMED_TARGETS.includes(kind) || typeof name !== 'string' || exists(kind, name)) continue
        const where = resource.at(['spec', 'target', kind])
        found.warnings.push(`${where}: lock ${resource.name}: there is no ${kind} ${name} now`)
      }
    }
  }
  return found
}

const NAMED_TARGETS: readonly string[] = ['bot', 'join_token', 'workload_identity']

function isKind<K extends ParsedResource['kind']>(
  resource: ParsedResource,
  kind: K,
): resource is ParsedResource<K> {
  return resource.kind === kind
}
