import { RESOURCE_KINDS } from '../../config/resource-specs.ts'
import type { ParsedResource, ResourceKind, SpecOf } from '../../config/resources.ts'
import type { Catalogue } from './catalogue.ts'
import { kindOf } from './kinds/kinds.ts'

export interface ReferenceFindings {
  readonly problems: string[]
  readonly warnings: string[]
}

/** Checks that the resources that the documents name exist, in the same file or in the database. */
export function checkReferences(
  resources: readonly ParsedResource[],
  catalogue: Catalogue,
): ReferenceFindings {
  const found: ReferenceFindings = { problems: [], warnings: [] }
  const inFile = new Set(resources.map(({ kind, name }) => `${kind} ${name}`))
  for (const resource of resources) {
    for (const { path, kind, name, isRequired } of kindOf(resource.kind).references?.(resource.spec) ?? []) {
      if (inFile.has(`${kind} ${name}`) || catalogue.get(kind, name) !== undefined) continue
      const where = resource.at(['spec', ...path])
      if (isRequired) found.problems.push(`${where}: spec.${path[0]}: there is no ${kind} ${name}`)
      else found.warnings.push(`${where}: ${resource.kind} ${resource.name}: there is no ${kind} ${name} now`)
    }
  }
  return found
}

/** The stored resources that require this one. */
export function usersOf(catalogue: Catalogue, kind: string, name: string): string[] {
  return RESOURCE_KINDS.flatMap((one) => {
    const { references } = kindOf(one)
    if (references === undefined) return []
    return [...catalogue.all(one)].flatMap((user) => {
      const named = references(user.spec as SpecOf<ResourceKind>)
      const needs = named.some((each) => each.isRequired && each.kind === kind && each.name === name)
      return needs ? [`${one} ${user.name}`] : []
    })
  })
}
