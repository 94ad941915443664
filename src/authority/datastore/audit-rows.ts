import { setImmediate } from 'node:timers/promises'
import { type SelectQueryBuilder, sql } from 'kysely'
import type { Datastore } from './datastore.ts'
import type { AuditEventsTable } from './schema/audit-tables.ts'
import type { Schema } from './schema.ts'
import type { Writer } from './writer.ts'

const PAGE_ROWS = 500
/** Looked through without a pause. */
const STRETCH_ROWS = 10_000
const PAGE_BYTES = 1024 * 1024
/** No row of ours comes near it. */
const LONGEST = 4 * 1024 * 1024
/** What a Date can hold. */
const LATEST_MS = 8_640_000_000_000_000

const COLUMNS = [
  'sequence' as const,
  sql<number>`max(min(CAST(time_ms AS INTEGER), ${LATEST_MS}), ${-LATEST_MS})`.as('time_ms'),
  text('event'),
  text('actor'),
  sql<string | null>`substr(CAST(ref AS TEXT), 1, ${LONGEST})`.as('ref'),
  text('detail'),
  sql<Uint8Array>`CAST(substr(coalesce(hash, ''), 1, ${LONGEST}) AS BLOB)`.as('hash'),
]

function text<Name extends 'event' | 'actor' | 'detail'>(name: Name) {
  return sql<string>`substr(CAST(coalesce(${sql.ref(name)}, '') AS TEXT), 1, ${LONGEST})`.as(name)
}

type Rows = SelectQueryBuilder<Schema, 'audit_events', object>

/** Which rows are meant. */
export type AuditRowFilter = (rows: Rows) => Rows

const ALL: AuditRowFilter = (rows) => rows

/**
 * Rows as they stand there, oldest first, page by page. Somebody may have written others than ours: whatever stands in a column, it is
 * read, as what the column should have, and at a length that memory can hold.
 */
export async function* storedAuditRows(
  datastore: Datastore,
  range: { readonly after: number; readonly upTo: number },
  filter: AuditRowFilter = ALL,
): AsyncGenerator<readonly AuditEventsTable[]> {
  const within = (after: number, upTo: number): Rows =>
    filter(datastore.db.selectFrom('audit_events'))
      .where('sequence', '>', after)
      .where('sequence', '<=', upTo)
      .orderBy('sequence')
  let { after } = range
  for (;;) {
    const sizes = await within(after, range.upTo)
      .select(['sequence', sql<number>`coalesce(octet_length(detail), 0)`.as('bytes')])
      .limit(PAGE_ROWS)
      .execute()
    const last = endOfPage(sizes)
    if (last === undefined) return
    yield await within(after, last).select(COLUMNS).execute()
    after = last
    await setImmediate() // others have their turn
  }
}

/** The last row that fits; the first one in any case. */
function endOfPage(
  sizes: readonly { readonly sequence: number; readonly bytes: number }[],
): number | undefined {
  let last: number | undefined
  let total = 0
  for (const { sequence, bytes } of sizes) {
    total += bytes
    if (last !== undefined && total > PAGE_BYTES) break
    last = sequence
  }
  return last
}

/** The number of the first row that there is. */
export async function firstAuditRow(datastore: Datastore): Promise<number | undefined> {
  const query = datastore.db.selectFrom('audit_events').select('sequence').orderBy('sequence').limit(1)
  return (await query.executeTakeFirst())?.sequence
}

/** The first row at or after an instant, of those up to `upTo`. */
export async function firstAuditRowSince(
  datastore: Datastore,
  ms: number,
  upTo: number,
): Promise<number | undefined> {
  let after = ((await firstAuditRow(datastore)) ?? upTo) - 1
  for (; after < upTo; after += STRETCH_ROWS) {
    const query = datastore.db
      .selectFrom('audit_events')
      .select('sequence')
      .where('sequence', '>', after)
      .where('sequence', '<=', after + STRETCH_ROWS)
      .where('time_ms', '>=', ms)
    const row = await query.orderBy('sequence').limit(1).executeTakeFirst()
    if (row) return row.sequence
    await setImmediate() // others have their turn
  }
  return undefined
}

/** Rows from one to another, both included. Only what is in an archive may ever go. */
export function deleteAuditRows(writer: Writer, first: number, last: number): void {
  writer.run('DELETE FROM audit_events WHERE sequence BETWEEN ? AND ?', first, last)
}
