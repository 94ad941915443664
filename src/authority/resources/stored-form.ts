import { readableBundle } from '../../config/bundle-document.ts'
import { formatResource, type ParsedResource, type SpecOf } from '../../config/resources.ts'
import { formatDuration } from '../../foundation/duration.ts'
import type { RoleSpec } from '../../policy/role.ts'
import type { WorkloadIdentity } from '../../policy/workload-identity.ts'
import type { NewResource, StoredResource } from '../datastore/resource-repository.ts'

/** How a resource is kept: its spec as `config/` has validated it, durations in seconds. */
export function toNewResource(parsed: ParsedResource): NewResource {
  const { kind, name, labels, expiresMs, spec } = parsed
  return { kind, name, metadata: { labels, ...(expiresMs === undefined ? {} : { expiresMs }) }, spec }
}

/** Whether applying `next` over `stored` would change anything; the order of members means nothing. */
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

export function identityOf(stored: StoredResource): WorkloadIdentity {
  const { name, revision, metadata, spec } = stored
  return { name, revision, labels: metadata.labels, spec: spec as WorkloadIdentity['spec'] }
}

export function roleSpecOf(stored: StoredResource): RoleSpec {
  return stored.spec as RoleSpec
}

export function botSpecOf(stored: StoredResource): SpecOf<'bot'> {
  return stored.spec as SpecOf<'bot'>
}

export function joinTokenSpecOf(stored: StoredResource): SpecOf<'join_token'> {
  return stored.spec as SpecOf<'join_token'>
}

export function federationSpecOf(stored: StoredResource): SpecOf<'federation'> {
  return stored.spec as SpecOf<'federation'>
}

/** As a person writes it: what `apply` takes back. */
export function toYaml(stored: NewResource, revision?: string): string {
  const { kind, name, metadata, spec } = stored
  const { labels, expiresMs } = metadata
  const expires = expiresMs === undefined ? {} : { expires: new Date(expiresMs).toISOString() }
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
  const expires = expiresMs === undefined ? {} : { expires: new Date(expiresMs).toISOString() }
  return JSON.stringify({
    kind,
    version: 'v1',
    metadata: { name, labels, ...expires, revision },
    spec: asWritten(kind, spec),
  })
}

function asWritten(kind: string, spec: unknown): unknown {
  if (kind === 'role') {
    const { max_ttl, ...rest } = spec as RoleSpec
    return max_ttl === undefined ? rest : { max_ttl: formatDuration(max_ttl), ...rest }
  }
  if (kind === 'federation') {
    const { bundle, ...rest } = spec as SpecOf<'federation'>
    return { ...rest, bundle: readableBundle(bundle) }
  }
  if (kind !== 'workload_identity') return spec
  const { x509, jwt, ...rest } = spec as SpecOf<'workload_identity'>
  return { ...rest, ...(x509 ? { x509: withTtl(x509) } : {}), ...(jwt ? { jwt: withTtl(jwt) } : {}) }
}

function withTtl({ ttlSeconds, ...rest }: { readonly ttlSeconds?: number }): object {
  return ttlSeconds === undefined ? rest : { ttl: formatDuration(ttlSeconds), ...rest }
}
