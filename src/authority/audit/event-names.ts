import { suggestion } from '../../foundation/nearest.ts'
import { AuditEventUnknownError } from './errors.ts'
import type { AuditEventName } from './events.ts'

/** Each event, once more: types are gone at run time. */
const NAMES: Readonly<Record<AuditEventName, true>> = {
  'authority.started': true,
  'authority.stopped': true,
  'authority.backed_up': true,
  'authority.restored': true,
  'audit.gap_found': true,
  'key_encryption_key.changed': true,
  'database.sealed': true,
  'database.accepted': true,
  'database.altered': true,
  'database.rows_refused': true,
  'audit.archived': true,
  'join.accepted': true,
  'join.refused': true,
  'join.refused_more': true,
  'renewal.accepted': true,
  'renewal.refused': true,
  'renewal.refused_more': true,
  'bot_instance.forgotten': true,
  'bot.refused': true,
  'bot.refused_more': true,
  'bot.used_twice': true,
  'x509_svid.issued': true,
  'jwt_svid.issued': true,
  'svid.refused': true,
  'svid.refused_more': true,
  'resource.created': true,
  'resource.updated': true,
  'resource.deleted': true,
  'lock.created': true,
  'lock.deleted': true,
  'ca.prepared': true,
  'ca.rescheduled': true,
  'ca.activated': true,
  'ca.retired': true,
  'ca.ended': true,
  'ca.removed': true,
  'identity.denied': true,
  'svid.delivered': true,
  'report.given_up': true,
  'report.given_up_more': true,
}

export const AUDIT_EVENT_NAMES: readonly string[] = Object.keys(NAMES)

/**
 * Checks the event names, or prefixes ending in `*`, that somebody looks for: a mistyped one would find
 * nothing, which looks like a log without such events.
 * @throws AuditEventUnknownError
 */
export function checkEvents(wanted: readonly string[]): readonly string[] {
  for (const event of wanted) {
    const prefix = event.slice(0, -1)
    const isKnown = event.endsWith('*')
      ? AUDIT_EVENT_NAMES.some((name) => name.startsWith(prefix))
      : Object.hasOwn(NAMES, event)
    if (isKnown) continue
    const groups = [...new Set(AUDIT_EVENT_NAMES.map((name) => `${name.split('.')[0]}.*`))]
    const known = event.endsWith('*') ? groups : AUDIT_EVENT_NAMES
    const instead =
      suggestion(event, known) || `: expected a name, or the beginning of names such as ${groups.join(', ')}`
    throw new AuditEventUnknownError(`there is no event ${JSON.stringify(event.slice(0, 64))}${instead}`)
  }
  return wanted
}
