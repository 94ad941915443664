import { type AuditRowFilter, newestAuditRow, storedAuditRows } from '../datastore/audit-rows.ts'
import type { ChainedAuditRow, Datastore } from '../datastore/ports.ts'
import { parseReference } from './reference.ts'

export interface AuditFilter {
  /** Event names, or prefixes ending in `*`. Absent or empty matches every event. */
  readonly events?: readonly string[]
  /** A reference as a person typed it; see `parseReference`. */
  readonly ref?: string
  readonly sinceMs?: number
  /** Only the newest `limit` rows. */
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
 * Yields matching rows after `after` and up to `upTo`, oldest first. It reads page by page, so a long
 * log is never in memory as a whole. With a limit, only the newest rows are read.
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

function rowFilterOf({ events = [], ref, sinceMs }: AuditFilter): AuditRowFilter {
  const names = events.filter((event) => !event.endsWith('*'))
  const prefixes = events.filter((event) => event.endsWith('*')).map((event) => event.slice(0, -1))
  return {
    ...(names.length > 0 ? { events: names } : {}),
    ...(prefixes.length > 0 ? { eventPrefixes: prefixes } : {}),
    ...(ref ? { ref: parseReference(ref) } : {}),
    ...(sinceMs === undefined ? {} : { sinceMs }),
  }
}

/** Applies the same filter to a row that does not come from the database. */
export function matches(filter: Omit<AuditFilter, 'limit'>, row: ChainedAuditRow): boolean {
  const { events = [], ref, sinceMs = Number.NEGATIVE_INFINITY } = filter
  const isEvent = events.some((event) =>
    event.endsWith('*') ? row.event.startsWith(event.slice(0, -1)) : row.event === event,
  )
  return (
    (events.length === 0 || isEvent) && (!ref || row.ref === parseReference(ref)) && row.time_ms >= sinceMs
  )
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
