import { setImmediate } from 'node:timers/promises'
import { type SelectQueryBuilder, sql } from 'kysely'
import type { ChainedAuditRow, Datastore, Transaction } from './ports.ts'
import type { Schema } from './schema.ts'

const PAGE_ROWS = 500
/** Rows searched before other calls get a turn. */
const STRETCH_ROWS = 10_000
const PAGE_BYTES = 1024 * 1024
/** Far longer than any row this authority writes. */
const MAX_ROW_LENGTH = 4 * 1024 * 1024
/** The latest time a JavaScript Date can hold. */
const LATEST_MS = 8_640_000_000_000_000

const COLUMNS = [
  'sequence' as const,
  sql<number>`max(min(CAST(time_ms AS INTEGER), ${LATEST_MS}), ${-LATEST_MS})`.as('time_ms'),
  text('event'),
  text('actor'),
  sql<string | null>`substr(CAST(ref AS TEXT), 1, ${MAX_ROW_LENGTH})`.as('ref'),
  text('detail'),
  sql<Uint8Array>`CAST(substr(coalesce(hash, ''), 1, ${MAX_ROW_LENGTH}) AS BLOB)`.as('hash'),
]

function text<Name extends 'event' | 'actor' | 'detail'>(name: Name) {
  return sql<string>`substr(CAST(coalesce(${sql.ref(name)}, '') AS TEXT), 1, ${MAX_ROW_LENGTH})`.as(name)
}

type Rows = SelectQueryBuilder<Schema, 'audit_events', object>

/** A filter on rows: all of these conditions must hold, but `events` or `eventPrefixes` is enough. */
export interface AuditRowFilter {
  readonly events?: readonly string[]
  readonly eventPrefixes?: readonly string[]
  readonly ref?: string
  readonly sinceMs?: number
  /** The detail contains one of `texts`; events in `unless` pass without it. */
  readonly containing?: { readonly texts: readonly string[]; readonly unless: readonly string[] }
}

/**
 * Yields rows as they are stored, oldest first, page by page. Anybody with write access to the file
 * may have written them. So each column is cast to its type and cut to a length that fits into
 * memory.
 */
export async function* storedAuditRows(
  datastore: Datastore,
  range: { readonly after: number; readonly upTo: number },
  filter: AuditRowFilter = {},
): AsyncGenerator<readonly ChainedAuditRow[]> {
  const within = (after: number, upTo: number): Rows =>
    filtered(datastore, filter)
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
    await setImmediate() // let other calls run
  }
}

/** The last row that fits into a page; the first row always does. */
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

/** The rows of this authority's own chain. */
function ownRows(datastore: Datastore): Rows {
  return datastore.db.selectFrom('audit_events').where('authority', '=', datastore.authority)
}

function filtered(datastore: Datastore, filter: AuditRowFilter): Rows {
  const { events = [], eventPrefixes = [], ref, sinceMs, containing } = filter
  let rows = ownRows(datastore)
  if (events.length + eventPrefixes.length > 0) {
    rows = rows.where((is) =>
      is.or([
        ...(events.length > 0 ? [is('event', 'in', events)] : []),
        ...eventPrefixes.map((prefix) =>
          is(is.fn('substr', ['event', is.lit(1), is.val(prefix.length)]), '=', prefix),
        ),
      ]),
    )
  }
  if (ref !== undefined) rows = rows.where('ref', '=', ref)
  if (sinceMs !== undefined) rows = rows.where('time_ms', '>=', sinceMs)
  if (containing) {
    const { texts, unless } = containing
    rows = rows.where((is) =>
      is.or([
        is('event', 'in', unless),
        ...texts.map((text) => is(is.fn('instr', ['detail', is.val(text)]), '>', 0)),
      ]),
    )
  }
  return rows
}

/** Sequence number of the first row in the database. */
export async function firstAuditRow(datastore: Datastore): Promise<number | undefined> {
  const query = ownRows(datastore).select('sequence').orderBy('sequence').limit(1)
  return (await query.executeTakeFirst())?.sequence
}

/** The last row of this authority's log. */
export function lastAuditRow(
  datastore: Datastore,
): Promise<Pick<ChainedAuditRow, 'sequence' | 'hash' | 'time_ms'> | undefined> {
  const query = ownRows(datastore).select(['sequence', 'hash', 'time_ms'])
  return query.orderBy('sequence', 'desc').limit(1).executeTakeFirst()
}

export async function auditRowHash(datastore: Datastore, sequence: number): Promise<Uint8Array | undefined> {
  const query = ownRows(datastore).select('hash').where('sequence', '=', sequence)
  return (await query.executeTakeFirst())?.hash
}

/** Sequence number of the oldest among the newest `count` rows; undefined when there are fewer. */
export async function newestAuditRow(
  datastore: Datastore,
  filter: AuditRowFilter,
  count: number,
  upTo: number,
): Promise<number | undefined> {
  const rows = filtered(datastore, filter).select('sequence').where('sequence', '<=', upTo)
  const query = rows
    .orderBy('sequence', 'desc')
    .limit(1)
    .offset(count - 1)
  return (await query.executeTakeFirst())?.sequence
}

/** Sequence number of the first row at or after `ms` (Unix milliseconds), among those up to `upTo`. */
export async function firstAuditRowSince(
  datastore: Datastore,
  ms: number,
  upTo: number,
): Promise<number | undefined> {
  let after = ((await firstAuditRow(datastore)) ?? upTo) - 1
  for (; after < upTo; after += STRETCH_ROWS) {
    const query = ownRows(datastore)
      .select('sequence')
      .where('sequence', '>', after)
      .where('sequence', '<=', after + STRETCH_ROWS)
      .where('time_ms', '>=', ms)
    const row = await query.orderBy('sequence').limit(1).executeTakeFirst()
    if (row) return row.sequence
    await setImmediate() // let other calls run
  }
  return undefined
}

/** Deletes the rows `first` to `last`. Only archived rows may be deleted. */
export async function deleteAuditRows(
  datastore: Datastore,
  tx: Transaction,
  first: number,
  last: number,
): Promise<void> {
  await tx.db
    .deleteFrom('audit_events')
    .where('authority', '=', datastore.authority)
    .where('sequence', '>=', first)
    .where('sequence', '<=', last)
    .execute()
}
