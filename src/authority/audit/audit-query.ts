import type { Datastore } from '../datastore/datastore.ts'
import type { AuditEventsTable } from '../datastore/schema/audit.ts'

export interface AuditFilter {
  /** A name, or a prefix ending in `*`; absent or empty = all. */
  readonly event?: string
  readonly ref?: string
  readonly sinceMs?: number
  /** The newest so many. */
  readonly limit?: number
}

export interface AuditRow {
  readonly sequence: number
  readonly timeMs: number
  readonly event: string
  readonly actor: string
  readonly ref: string | undefined
  readonly detailJson: string
}

/** Oldest first. With a limit: the newest so many of those that match. */
export async function listAudit(datastore: Datastore, filter: AuditFilter): Promise<AuditRow[]> {
  const newestFirst = matching(datastore, filter).orderBy('sequence', 'desc')
  const rows = await (filter.limit ? newestFirst.limit(filter.limit) : newestFirst).execute()
  return rows.reverse().map(toAuditRow)
}

/** At most `limit` matching rows after a sequence number, oldest first, and none after `upTo`. */
export async function pageAudit(
  datastore: Datastore,
  filter: AuditFilter,
  range: { readonly after: number; readonly upTo: number },
  limit: number,
): Promise<AuditRow[]> {
  const query = matching(datastore, filter)
    .where('sequence', '>', range.after)
    .where('sequence', '<=', range.upTo)
  return (await query.orderBy('sequence').limit(limit).execute()).map(toAuditRow)
}

function matching(datastore: Datastore, filter: AuditFilter) {
  let query = datastore.db
    .selectFrom('audit_events')
    .select(['sequence', 'time_ms', 'event', 'actor', 'ref', 'detail'])
  const { event, ref, sinceMs } = filter
  if (event?.endsWith('*')) {
    const prefix = event.slice(0, -1)
    query = query.where((eb) => eb(eb.fn('substr', ['event', eb.lit(1), eb.val(prefix.length)]), '=', prefix))
  } else if (event) query = query.where('event', '=', event)
  if (ref) query = query.where('ref', '=', ref)
  if (sinceMs !== undefined) query = query.where('time_ms', '>=', sinceMs)
  return query
}

function toAuditRow(row: Omit<AuditEventsTable, 'hash'>): AuditRow {
  const { sequence, time_ms, event, actor, ref, detail } = row
  return { sequence, timeMs: time_ms, event, actor, ref: ref ?? undefined, detailJson: detail }
}
