import { messageOf } from '../../foundation/errors.ts'
import type { Logger } from '../../foundation/logger.ts'
import type { Grant } from '../../policy/compile.ts'
import { RoleBounds, type RoleSpec, type RoleVerdict } from '../../policy/role.ts'

/**
 * The bounds that the bot's roles put on grants. The authority applies them to everything it signs.
 * The agent checks them too, so that narrowing a role also withdraws what was signed before.
 */
export class KnownRoles {
  readonly #bounds: RoleBounds | undefined

  private constructor(bounds: RoleBounds | undefined) {
    this.#bounds = bounds
  }

  /** No roles are known; only the authority applies them. */
  static readonly unknown = new KnownRoles(undefined)

  static parse(rolesJson: string, logger: Logger): KnownRoles {
    if (rolesJson === '') return KnownRoles.unknown
    try {
      return new KnownRoles(new RoleBounds(JSON.parse(rolesJson) as { name: string; spec: RoleSpec }[]))
    } catch (error) {
      // Roles of a newer authority, which applies them when it signs.
      logger.error(
        { event: 'role.not_understood', reason: messageOf(error) },
        'the roles of the bot cannot be read: is the authority newer than this agent?',
      )
      return KnownRoles.unknown
    }
  }

  /** Checks a grant against the roles. Unknown roles do not bound it here. */
  check({ identity, spiffeId, x509 }: Grant, labels: Readonly<Record<string, string>>): RoleVerdict {
    if (this.#bounds === undefined) return { maxTtlSeconds: undefined }
    return this.#bounds.check({ identity, labels, spiffeId, dnsSans: x509.dnsSans })
  }
}
