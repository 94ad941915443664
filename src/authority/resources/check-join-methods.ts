import type { ParsedResource } from '../../config/resources.ts'
import type { Catalogue } from './catalogue.ts'
import { joinTokenSpecOf } from './stored-form.ts'

/** A join token keeps its method: what is stored of it besides its resource would mean nothing to another one. */
export function checkJoinMethods(resources: readonly ParsedResource[], catalogue: Catalogue): string[] {
  return resources.flatMap((resource) => {
    if (resource.kind !== 'join_token') return []
    const before = catalogue.get('join_token', resource.name)
    const method = before && joinTokenSpecOf(before).method
    if (method === undefined || method === (resource as ParsedResource<'join_token'>).spec.method) return []
    const where = resource.at(['spec', 'method'])
    return [`${where}: spec.method: join_token ${resource.name} is of method ${method}: delete it first`]
  })
}
