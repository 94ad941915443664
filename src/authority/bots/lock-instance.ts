import { messageOf } from '../../foundation/errors.ts'
import type { Logger } from '../../foundation/logger.ts'
import type { AuditLog } from '../audit/audit-log.ts'
import type { Datastore } from '../datastore/ports.ts'
import type { ResourceRepository } from '../datastore/resource-repository.ts'
import type { BotInstance } from './bot-instance.ts'

export interface LockInstanceDeps {
  readonly datastore: Datastore
  readonly resources: ResourceRepository
  readonly audit: AuditLog
  readonly logger: Logger
}

/**
 * Two holders of one lineage: nobody can say which of them is the thief, so the whole instance is locked until an administrator has
 * looked and deletes the lock.
 */
export function lockInstance(
  deps: LockInstanceDeps,
  instance: BotInstance,
  shown: { readonly generation: number },
  reference: string,
): void {
  const name = `superseded-${instance.id.toLowerCase()}`
  const target = { bot_instance: instance.id }
  const reason = `a superseded bot certificate (generation ${shown.generation}) was used, reference ${reference}`
  deps.logger.error(
    { event: 'bot.locked', bot: instance.bot, botInstance: instance.id, ref: reference },
    'instance locked',
  )
  deps.datastore
    .transaction(async (tx) => {
      // One that an administrator has given an end, or another target, does not stand for this.
      const found = await deps.resources.find(tx, 'lock', name)
      if (found && found.metadata.expiresMs === undefined && isOn(found.spec, instance.id)) return
      const resource = { kind: 'lock', name, metadata: { labels: {} }, spec: { target, reason } }
      const { revision } = await deps.resources.put(tx, resource, { revision: found?.revision })
      deps.audit.within(
        tx,
        'lock.created',
        'authority',
        { kind: 'lock', name, revision, target, reason },
        reference,
      )
    })
    .catch((error) => {
      // The certificate stays superseded, so its next use tries again.
      deps.logger.error({ botInstance: instance.id, error: messageOf(error) }, 'cannot lock an instance')
    })
}

function isOn(spec: unknown, botInstance: string): boolean {
  return (spec as { target?: { bot_instance?: string } }).target?.bot_instance === botInstance
}
