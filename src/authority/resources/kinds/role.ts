import { formatDuration } from '../../../foundation/duration.ts'
import { checkRole } from '../../../policy/role.ts'
import type { ResourceKindDefinition } from './resource-kind.ts'

export const role: ResourceKindDefinition<'role'> = {
  asWritten: ({ max_ttl, ...rest }) =>
    max_ttl === undefined ? rest : { max_ttl: formatDuration(max_ttl), ...rest },
  check: ({ spec }) => ({ problems: checkRole(spec) }),
  // Another version may have stored rules that this one does not enforce.
  isAlwaysChecked: true,
  follow: (index, name) => index.noteRole(name),
}
