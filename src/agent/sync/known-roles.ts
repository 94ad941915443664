import { messageOf } from '../../foundation/errors.ts'
import type { Logger } from '../../foundation/logger.ts'
import type { Grant } from '../../policy/compile.ts'
import { RoleBounds, type RoleSpec, type RoleVerdict } from '../../policy/role.ts'

/**
 * What the roles of this agent's bot leave of what the rules grant. The authority bounds all that it signs; the agent looks as well, so that a
 * role that is narrowed also takes back what was signed before.
 */
export class KnownRoles {
  readonly #bounds: RoleBounds | undefined

  private constructor(bounds: RoleBounds | undefined) {
    this.#bounds = bounds
  }

  /** Nothing was said of roles: what is signed is up to the authority alone. */
  static readonly unknown = new KnownRoles(undefined)

  static parse(rolesJson: string, logger: Logger): KnownRoles {
    if (rolesJson === '') return KnownRoles.unknown
    try {
      return new KnownRoles(new RoleBounds(JSON.parse(rolesJson) as { name: string; spec: RoleSpec }[]))
    } catch (error) {
      // A role in words of a newer authority, which applies it when it signs.
      logger.error(
        { event: 'role.not_understood', reason: messageOf(error) },
        'the roles of the bot cannot be read: is the authority newer than this agent?',
      )
      return KnownRoles.unknown
    }
  }

  /** What the roles say of a grant; unknown roles do not bound it here. */
  check({ identity, spiffeId, x509 }: Grant, labels: Readonly<Record<string, string>>): RoleVerdict {
    if (this.#bounds === undefined) return { maxTtlSeconds: undefined }
    return this.#bounds.check({ identity, labels, spiffeId, dnsSans: x509.dnsSans })
  }
}
