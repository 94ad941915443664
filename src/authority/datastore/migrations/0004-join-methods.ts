import type { Kysely } from 'kysely'

/**
 * Makes room for any join method: the state that it keeps of a token (until now the hash of a
 * secret), and the attributes that it proved of an instance.
 */
export async function migrate0004(db: Kysely<unknown>): Promise<void> {
  await db.schema.alterTable('join_tokens').renameColumn('secret_sha256', 'method_state').execute()
  await db.schema
    .alterTable('bot_instances')
    .addColumn('join_attributes', 'text', (c) => c.notNull().defaultTo('{}'))
    .execute()
}
