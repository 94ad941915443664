import type { Kysely } from 'kysely'

/** The tables of the first release. A released migration is never edited. */
export async function migrate0001(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('meta')
    .addColumn('key', 'text', (c) => c.primaryKey())
    .addColumn('value', 'text', (c) => c.notNull())
    .execute()

  await db.schema
    .createTable('resources')
    .addColumn('kind', 'text', (c) => c.notNull())
    .addColumn('name', 'text', (c) => c.notNull())
    .addColumn('revision', 'integer', (c) => c.notNull().unique())
    .addColumn('metadata', 'text', (c) => c.notNull())
    .addColumn('spec', 'text', (c) => c.notNull())
    .addColumn('updated_ms', 'integer', (c) => c.notNull())
    .addPrimaryKeyConstraint('resources_key', ['kind', 'name'])
    .execute()

  await db.schema
    .createTable('join_tokens')
    .addColumn('name', 'text', (c) => c.primaryKey())
    .addColumn('resource_kind', 'text', (c) => c.notNull().defaultTo('join_token'))
    .addColumn('secret_sha256', 'text', (c) => c.notNull())
    .addColumn('uses', 'integer', (c) => c.notNull().defaultTo(0))
    .addColumn('created_ms', 'integer', (c) => c.notNull())
    .addForeignKeyConstraint(
      'join_tokens_resource',
      ['resource_kind', 'name'],
      'resources',
      ['kind', 'name'],
      (c) => c.onDelete('cascade'),
    )
    .execute()

  await db.schema
    .createTable('join_token_uses')
    .addColumn('token_name', 'text', (c) => c.notNull().references('join_tokens.name').onDelete('cascade'))
    .addColumn('key_sha256', 'text', (c) => c.notNull())
    .addColumn('instance_id', 'text', (c) => c.notNull())
    .addColumn('created_ms', 'integer', (c) => c.notNull())
    .addColumn('redeemed_ms', 'integer')
    .addPrimaryKeyConstraint('join_token_uses_key', ['token_name', 'key_sha256'])
    .execute()
  await db.schema
    .createIndex('join_token_uses_instance')
    .on('join_token_uses')
    .column('instance_id')
    .execute()

  await db.schema
    .createTable('bot_instances')
    .addColumn('id', 'text', (c) => c.primaryKey())
    .addColumn('bot_kind', 'text', (c) => c.notNull().defaultTo('bot'))
    .addColumn('bot_name', 'text', (c) => c.notNull())
    .addColumn('join_token', 'text', (c) => c.notNull())
    .addColumn('join_method', 'text', (c) => c.notNull())
    .addColumn('joined_ms', 'integer', (c) => c.notNull())
    .addColumn('renewed_ms', 'integer', (c) => c.notNull())
    .addColumn('not_after_ms', 'integer', (c) => c.notNull())
    .addColumn('agent_version', 'text', (c) => c.notNull())
    .addColumn('hostname', 'text', (c) => c.notNull())
    .addForeignKeyConstraint(
      'bot_instances_bot',
      ['bot_kind', 'bot_name'],
      'resources',
      ['kind', 'name'],
      (c) => c.onDelete('cascade'),
    )
    .execute()
  await db.schema
    .createIndex('bot_instances_bot')
    .on('bot_instances')
    .columns(['bot_kind', 'bot_name'])
    .execute()

  await db.schema
    .createTable('bot_generations')
    .addColumn('instance_id', 'text', (c) => c.notNull().references('bot_instances.id').onDelete('cascade'))
    .addColumn('generation', 'integer', (c) => c.notNull())
    .addColumn('key_sha256', 'text', (c) => c.notNull())
    .addColumn('state', 'text', (c) => c.notNull())
    .addColumn('not_after_ms', 'integer', (c) => c.notNull())
    .addColumn('created_ms', 'integer', (c) => c.notNull())
    .addPrimaryKeyConstraint('bot_generations_key', ['instance_id', 'generation', 'key_sha256'])
    .execute()

  await db.schema
    .createTable('signing_keys')
    .addColumn('id', 'text', (c) => c.primaryKey())
    .addColumn('purpose', 'text', (c) => c.notNull())
    .addColumn('state', 'text', (c) => c.notNull())
    .addColumn('key_id', 'text', (c) => c.notNull())
    .addColumn('parent_id', 'text')
    .addColumn('certificate', 'blob')
    .addColumn('public_key', 'blob', (c) => c.notNull())
    .addColumn('sealed_private_key', 'blob', (c) => c.notNull())
    .addColumn('not_before_ms', 'integer', (c) => c.notNull())
    .addColumn('not_after_ms', 'integer', (c) => c.notNull())
    .addColumn('created_ms', 'integer', (c) => c.notNull())
    .addColumn('activate_ms', 'integer')
    .execute()

  await db.schema
    .createTable('audit_events')
    .addColumn('sequence', 'integer', (c) => c.primaryKey())
    .addColumn('time_ms', 'integer', (c) => c.notNull())
    .addColumn('event', 'text', (c) => c.notNull())
    .addColumn('actor', 'text', (c) => c.notNull())
    .addColumn('ref', 'text')
    .addColumn('detail', 'text', (c) => c.notNull())
    .addColumn('hash', 'blob', (c) => c.notNull())
    .execute()
  await db.schema
    .createIndex('audit_events_ref')
    .on('audit_events')
    .column('ref')
    .where('ref', 'is not', null)
    .execute()
}
