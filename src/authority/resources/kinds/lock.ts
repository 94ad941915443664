import { RESOURCE_KINDS, type ResourceKind } from '../../../config/resource-specs.ts'
import type { ResourceKindDefinition } from './resource-kind.ts'

export const lock: ResourceKindDefinition<'lock'> = {
  // A lock may be created before its target exists. Still, a mistyped name would lock nothing, so
  // apply warns.
  references: ({ target }) =>
    Object.entries(target).flatMap(([kind, name]) =>
      isKind(kind) ? [{ path: ['target', kind], kind, name, isRequired: false }] : [],
    ),
  record: (audit, tx, { action, actor, subject, spec, expiresMs }) => {
    const { target, reason = '' } = spec
    if (action === 'deleted') audit.within(tx, 'lock.deleted', actor, { ...subject, target })
    else if (action === 'created') {
      const expiry = expiresMs === undefined ? {} : { expiresMs }
      audit.within(tx, 'lock.created', actor, { ...subject, target, reason, ...expiry })
    } else return false
    return true
  },
}

/** Locks can also target what is not a resource: a bot instance, a SPIFFE ID. */
function isKind(target: string): target is ResourceKind {
  return (RESOURCE_KINDS as readonly string[]).includes(target)
}
