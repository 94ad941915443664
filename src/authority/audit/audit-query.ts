import { setImmediate } from 'node:timers/promises'
import type { Datastore } from '../datastore/datastore.ts'
import type { AuditEventsTable } from '../datastore/schema/audit.ts'
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

const PAGE_ROWS = 500

/**
 * Matching rows after `after` and up to `upTo`, oldest first, page by page: a long log is never in memory as a whole. With a limit:
 * the newest so many of them.
 */
export async function* readAudit(
  datastore: Datastore,
  filter: AuditFilter,
  range: { readonly after: number; readonly upTo: number },
): AsyncGenerator<readonly AuditRow[]> {
  let after = Math.max(range.after, (await firstOfNewest(datastore, filter, range.upTo)) - 1)
  for (;;) {
    const rows = await pageAudit(datastore, filter, { after, upTo: range.upTo })
    if (rows.length > 0) yield rows
    if (rows.length < PAGE_ROWS) return
    after = rows.at(-1)?.sequence ?? range.upTo
    await setImmediate() // others have their turn
  }
}

/** The sequence number of the oldest row that a limit leaves over. */
async function firstOfNewest(datastore: Datastore, filter: AuditFilter, upTo: number): Promise<number> {
  if (!filter.limit) return 0
  const query = matching(datastore, filter).where('sequence', '<=', upTo).orderBy('sequence', 'desc')
  const row = await query
    .limit(1)
    .offset(filter.limit - 1)
    .executeTakeFirst()
  return row?.sequence ?? 0
}

async function pageAudit(
  datastore: Datastore,
  filter: AuditFilter,
  range: { readonly after: number; readonly upTo: number },
): Promise<AuditRow[]> {
  const query = matching(datastore, filter)
    .where('sequence', '>', range.after)
    .where('sequence', '<=', range.upTo)
  return (await query.orderBy('sequence').limit(PAGE_ROWS).execute()).map(toAuditRow)
}

function matching(datastore: Datastore, filter: AuditFilter) {
  let query = datastore.db
    .selectFrom('audit_events')
    .select(['sequence', 'time_ms', 'event', 'actor', 'ref', 'detail', 'hash'])
  const { event, ref, sinceMs } = filter
  if (event?.endsWith('*')) {
    const prefix = event.slice(0, -1)
    query = query.where((eb) => eb(eb.fn('substr', ['event', eb.lit(1), eb.val(prefix.length)]), '=', prefix))
  } else if (event) query = query.where('event', '=', event)
  if (ref) query = query.where('ref', '=', parseReference(ref))
  if (sinceMs !== undefined) query = query.where('time_ms', '>=', sinceMs)
  return query
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
