import { type Kysely, sql } from 'kysely'

const COLUMNS = ['sequence', 'time_ms', 'event', 'actor', 'ref', 'detail', 'hash'] as const

/** Existing audit rows belong to the first authority. */
const FIRST_AUTHORITY = 1

interface Before {
  readonly audit_events: Readonly<Record<(typeof COLUMNS)[number], unknown>>
}

/** Gives each authority its own chain of audit rows. Existing rows keep their numbers and hashes. */
export async function migrate0003(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('authorities')
    .addColumn('number', 'integer', (c) => c.primaryKey())
    .addColumn('id', 'text', (c) => c.notNull().unique())
    .addColumn('created_ms', 'bigint', (c) => c.notNull())
    .addColumn('seal', 'blob')
    .execute()

  await db.schema
    .createTable('audit_events_by_authority')
    .addColumn('authority', 'integer', (c) => c.notNull())
    .addColumn('sequence', 'bigint', (c) => c.notNull())
    .addColumn('time_ms', 'bigint', (c) => c.notNull())
    .addColumn('event', 'text', (c) => c.notNull())
    .addColumn('actor', 'text', (c) => c.notNull())
    .addColumn('ref', 'text')
    .addColumn('detail', 'text', (c) => c.notNull())
    .addColumn('hash', 'blob', (c) => c.notNull())
    .addPrimaryKeyConstraint('audit_events_key', ['authority', 'sequence'])
    .execute()
  await (db as Kysely<Before & { readonly audit_events_by_authority: object }>)
    .insertInto('audit_events_by_authority')
    .columns(['authority', ...COLUMNS] as never)
    .expression((from) =>
      from
        .selectFrom('audit_events')
        .select([sql.lit(FIRST_AUTHORITY).as('authority'), ...COLUMNS])
        .orderBy('sequence'),
    )
    .execute()
  await db.schema.dropTable('audit_events').execute()
  await db.schema.alterTable('audit_events_by_authority').renameTo('audit_events').execute()
  await db.schema
    .createIndex('audit_events_ref')
    .on('audit_events')
    .column('ref')
    .where('ref', 'is not', null)
    .execute()
}
