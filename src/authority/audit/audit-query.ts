import { type AuditRowFilter, storedAuditRows } from '../datastore/audit-rows.ts'
import type { Datastore } from '../datastore/datastore.ts'
import type { AuditEventsTable } from '../datastore/schema/audit-tables.ts'
import { parseReference } from './reference.ts'

export interface AuditFilter {
  /** A name, or a prefix ending in `*`; absent or empty = all. */
  readonly event?: string
  /** As somebody wrote it down. */
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
  readonly hash: Buffer
}

/**
 * Matching rows after `after` and up to `upTo`, oldest first, page by page: a long log is never in memory as a whole. With a limit:
 * the newest so many of them.
 */
export async function* readAudit(
  datastore: Datastore,
  filter: AuditFilter,
  range: { readonly after: number; readonly upTo: number },
): AsyncGenerator<readonly AuditRow[]> {
  const after = Math.max(range.after, (await firstOfNewest(datastore, filter, range.upTo)) - 1)
  for await (const rows of storedAuditRows(datastore, { after, upTo: range.upTo }, matching(filter)))
    yield rows.map(toAuditRow)
}

/** The sequence number of the oldest row that a limit leaves over. */
async function firstOfNewest(datastore: Datastore, filter: AuditFilter, upTo: number): Promise<number> {
  if (!filter.limit) return 0
  const row = await matching(filter)(datastore.db.selectFrom('audit_events'))
    .select('sequence')
    .where('sequence', '<=', upTo)
    .orderBy('sequence', 'desc')
    .limit(1)
    .offset(filter.limit - 1)
    .executeTakeFirst()
  return row?.sequence ?? 0
}

function matching({ event, ref, sinceMs }: AuditFilter): AuditRowFilter {
  return (rows) => {
    let query = rows
    if (event?.endsWith('*')) {
      const prefix = event.slice(0, -1)
      query = query.where((eb) =>
        eb(eb.fn('substr', ['event', eb.lit(1), eb.val(prefix.length)]), '=', prefix),
      )
    } else if (event) query = query.where('event', '=', event)
    if (ref) query = query.where('ref', '=', parseReference(ref))
    return sinceMs === undefined ? query : query.where('time_ms', '>=', sinceMs)
  }
}

/** The same for a row that is not in the database. */
export function matches(filter: Omit<AuditFilter, 'limit'>, row: AuditEventsTable): boolean {
  const { event, ref, sinceMs = Number.NEGATIVE_INFINITY } = filter
  const isEvent = event?.endsWith('*') ? row.event.startsWith(event.slice(0, -1)) : row.event === event
  return (!event || isEvent) && (!ref || row.ref === parseReference(ref)) && row.time_ms >= sinceMs
}

export function toAuditRow(row: AuditEventsTable): AuditRow {
  const { sequence, time_ms, event, actor, ref, detail, hash } = row
  const detailJson = detail
  return {
    sequence,
    timeMs: time_ms,
    event,
    actor,
    ref: ref ?? undefined,
    detailJson,
    hash: Buffer.from(hash),
  }
}
