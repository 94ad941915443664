import type { SpecOf } from '../../config/resources.ts'
import type { RoleSpec } from '../../policy/role.ts'
import type { WorkloadIdentity } from '../../policy/workload-identity.ts'
import type { StoredResource } from '../datastore/resource-repository.ts'

/** Typed access to the specs of stored resources. The caller has checked the kind. */

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

export function federationSpecOf(stored: StoredResource): SpecOf<'federation'> {
  return stored.spec as SpecOf<'federation'>
}
