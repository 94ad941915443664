import { RESOURCE_KINDS, type ResourceKind } from '../../../config/resource-specs.ts'
import { bot } from './bot.ts'
import { federation } from './federation.ts'
import { joinToken } from './join-token.ts'
import { lock } from './lock.ts'
import type { ResourceKindDefinition } from './resource-kind.ts'
import { role } from './role.ts'
import { workloadIdentity } from './workload-identity.ts'

const KINDS: { readonly [K in ResourceKind]: ResourceKindDefinition<K> } = {
  role,
  bot,
  join_token: joinToken,
  workload_identity: workloadIdentity,
  federation,
  lock,
}

export function isResourceKind(kind: string): kind is ResourceKind {
  return (RESOURCE_KINDS as readonly string[]).includes(kind)
}

/** The definition of a kind. A stored kind that this version does not know has an empty one. */
export function kindOf(kind: string): ResourceKindDefinition {
  // The functions accept the specs of their own kind only; the caller takes both from the same
  // resource.
  return isResourceKind(kind) ? (KINDS[kind] as ResourceKindDefinition) : {}
}
