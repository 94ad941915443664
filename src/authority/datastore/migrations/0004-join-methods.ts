import type { Kysely } from 'kysely'

/**
 * What a join method keeps of a token, which was the hash of a secret so far, and what it has proven of an
 * instance.
 */
export async function migrate0004(db: Kysely<unknown>): Promise<void> {
  await db.schema.alterTable('join_tokens').renameColumn('secret_sha256', 'method_state').execute()
  await db.schema
    .alterTable('bot_instances')
    .addColumn('join_attributes', 'text', (c) => c.notNull().defaultTo('{}'))
    .execute()
}
