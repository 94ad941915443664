import type { Bounds } from '../../policy/decision.ts'
import type { RoleBounds } from '../../policy/role.ts'
import type { LockSubject } from '../bots/locks.ts'

export interface BoundsDeps {
  readonly bounds: (bot: string) => RoleBounds
  readonly lockOn: (subject: LockSubject) => { readonly name: string; readonly reason?: string } | undefined
}

/** The subject of a decision. Without a bot, no roles bound it. */
interface BoundsSubject {
  readonly bot?: string
  readonly id?: string
  readonly joinToken?: string
}

/** What bounds the workload identities for one bot instance: its roles and the locks in force. */
export function boundsOf(deps: BoundsDeps, { bot, id, joinToken }: BoundsSubject): Bounds {
  const lockOn = (subject: LockSubject): string | undefined => {
    const lock = deps.lockOn(subject)
    return lock && (lock.reason ? `lock ${lock.name}: ${lock.reason}` : `lock ${lock.name}`)
  }
  const botLock = lockOn({ bot, botInstance: id, joinToken })
  if (bot === undefined) return { botLock, lockOn, checkRoles: () => ({ maxTtlSeconds: undefined }) }
  const roles = deps.bounds(bot)
  return {
    botLock,
    lockOn,
    mayUse: (identity) => roles.mayUse(identity),
    checkRoles: ({ identity, spiffeId, x509 }, labels) =>
      roles.check({ identity, labels, spiffeId, dnsSans: x509.dnsSans }),
  }
}
