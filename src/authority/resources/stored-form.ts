import {
  formatResource,
  type ParsedResource,
  type ResourceKind,
  type SpecOf,
} from '../../config/resources.ts'
import type { NewResource, StoredResource } from '../datastore/resource-repository.ts'
import { kindOf } from './kinds/kinds.ts'

/** The stored form of a resource: the spec as `config/` validated it, with durations in seconds. */
export function toNewResource(parsed: ParsedResource): NewResource {
  const { kind, name, labels, expiresMs, spec } = parsed
  return { kind, name, metadata: { labels, ...(expiresMs === undefined ? {} : { expiresMs }) }, spec }
}

/** Whether applying `next` over `stored` would change nothing. The order of members does not matter. */
export function sameResource(stored: StoredResource, next: NewResource): boolean {
  return (
    canonical(stored.metadata) === canonical(next.metadata) && canonical(stored.spec) === canonical(next.spec)
  )
}

function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, member: unknown) =>
    typeof member === 'object' && member !== null && !Array.isArray(member)
      ? Object.fromEntries(Object.entries(member).sort(([a], [b]) => (a < b ? -1 : 1)))
      : member,
  )
}

/** The YAML that a person would write, and that `apply` accepts. */
export function toYaml(stored: NewResource, revision?: string): string {
  const { kind, name, metadata, spec } = stored
  const { labels, expiresMs } = metadata
  const expires = expiresMs === undefined ? {} : { expires: instant(expiresMs) }
  return formatResource(
    kind,
    name,
    { labels, ...expires, ...(revision ? { revision } : {}) },
    asWritten(kind, spec),
  )
}

/** The same as JSON. */
export function toJson(stored: StoredResource): string {
  const { kind, name, metadata, spec, revision } = stored
  const { labels, expiresMs } = metadata
  const expires = expiresMs === undefined ? {} : { expires: instant(expiresMs) }
  return JSON.stringify({
    kind,
    version: 'v1',
    metadata: { name, labels, ...expires, revision },
    spec: asWritten(kind, spec),
  })
}

function asWritten(kind: string, spec: unknown): unknown {
  const { asWritten: write } = kindOf(kind)
  return write ? write(spec as SpecOf<ResourceKind>) : spec
}

/** As the commands print times: RFC 3339, in whole seconds where that is all there is. */
function instant(ms: number): string {
  return new Date(ms).toISOString().replace('.000Z', 'Z')
}
