import type { Kysely } from 'kysely'

const TABLES = [
  'schema_migrations',
  'meta',
  'signing_keys',
  'resources',
  'join_tokens',
  'join_token_uses',
  'bot_instances',
  'bot_generations',
]

/** Adds a seal to each row that grants or revokes trust, and the record that seals them as a whole. */
export async function migrate0002(db: Kysely<unknown>): Promise<void> {
  for (const table of TABLES) await db.schema.alterTable(table).addColumn('seal', 'blob').execute()
  await db.schema
    .createTable('sealed_state')
    .addColumn('id', 'integer', (c) => c.primaryKey())
    .addColumn('database_id', 'blob', (c) => c.notNull())
    .addColumn('commits', 'integer', (c) => c.notNull())
    .addColumn('rows', 'blob', (c) => c.notNull())
    .addColumn('audit_sequence', 'integer', (c) => c.notNull())
    .addColumn('audit_hash', 'blob', (c) => c.notNull())
    .addColumn('schema_sha256', 'blob', (c) => c.notNull())
    .addColumn('mac', 'blob', (c) => c.notNull())
    .execute()
}
