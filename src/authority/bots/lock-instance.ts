import { messageOf } from '../../foundation/errors.ts'
import type { Logger } from '../../foundation/logger.ts'
import type { AuditLog } from '../audit/audit-log.ts'
import type { Datastore } from '../datastore/ports.ts'
import type { ResourceRepository } from '../datastore/resource-repository.ts'
import type { BotInstance } from './bot-instance.ts'

interface LockInstanceDeps {
  readonly datastore: Datastore
  readonly resources: ResourceRepository
  readonly audit: AuditLog
  readonly logger: Logger
}

/**
 * Locks an instance whose superseded certificate was used. Two parties hold it, and nobody can say
 * which is the thief. An administrator has to look into it and delete the lock.
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
      // An existing lock counts only if it still targets the instance and never expires; an
      // administrator may have changed it.
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
