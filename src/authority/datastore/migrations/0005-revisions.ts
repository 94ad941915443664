import type { Kysely } from 'kysely'

/**
 * Gives revisions to everything that authorities keep in memory, and adds tombstones for deleted
 * things.
 */
export async function migrate0005(db: Kysely<unknown>): Promise<void> {
  for (const table of ['bot_instances', 'signing_keys']) {
    await db.schema
      .alterTable(table)
      .addColumn('revision', 'bigint', (c) => c.notNull().defaultTo(0))
      .execute()
    await db.schema.createIndex(`${table}_revision`).on(table).column('revision').execute()
  }
  await db.schema
    .createTable('tombstones')
    .addColumn('topic', 'text', (c) => c.notNull())
    .addColumn('kind', 'text', (c) => c.notNull())
    .addColumn('name', 'text', (c) => c.notNull())
    .addColumn('revision', 'bigint', (c) => c.notNull())
    .addColumn('seal', 'blob')
    .addPrimaryKeyConstraint('tombstones_key', ['topic', 'kind', 'name'])
    .execute()
  await db.schema.createIndex('tombstones_revision').on('tombstones').column('revision').execute()
}
