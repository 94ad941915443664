import { type AuditRowFilter, newestAuditRow, storedAuditRows } from '../datastore/audit-rows.ts'
import type { ChainedAuditRow, Datastore } from '../datastore/ports.ts'
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
  const matching = rowFilterOf(filter)
  const first = filter.limit ? await newestAuditRow(datastore, matching, filter.limit, range.upTo) : undefined
  const after = Math.max(range.after, (first ?? 1) - 1)
  for await (const rows of storedAuditRows(datastore, { after, upTo: range.upTo }, matching))
    yield rows.map(toAuditRow)
}

function rowFilterOf({ event, ref, sinceMs }: AuditFilter): AuditRowFilter {
  const isPrefix = event?.endsWith('*')
  return {
    ...(event && !isPrefix ? { events: [event] } : {}),
    ...(event && isPrefix ? { eventPrefix: event.slice(0, -1) } : {}),
    ...(ref ? { ref: parseReference(ref) } : {}),
    ...(sinceMs === undefined ? {} : { sinceMs }),
  }
}

/** The same for a row that is not in the database. */
export function matches(filter: Omit<AuditFilter, 'limit'>, row: ChainedAuditRow): boolean {
  const { event, ref, sinceMs = Number.NEGATIVE_INFINITY } = filter
  const isEvent = event?.endsWith('*') ? row.event.startsWith(event.slice(0, -1)) : row.event === event
  return (!event || isEvent) && (!ref || row.ref === parseReference(ref)) && row.time_ms >= sinceMs
}

export function toAuditRow(row: ChainedAuditRow): AuditRow {
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
