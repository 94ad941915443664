import type { AuditEventsTable } from './schema/audit-tables.ts'
import type { BotGenerationsTable, BotInstancesTable } from './schema/bot-tables.ts'
import type { JoinTokensTable, JoinTokenUsesTable } from './schema/join-tables.ts'
import type { SigningKeysTable } from './schema/key-tables.ts'
import type { MetaTable, SchemaMigrationsTable } from './schema/meta-table.ts'
import type { ResourcesTable } from './schema/resource-table.ts'

/** Every table of the authority's database. */
export interface Schema {
  schema_migrations: SchemaMigrationsTable
  meta: MetaTable
  resources: ResourcesTable
  join_tokens: JoinTokensTable
  join_token_uses: JoinTokenUsesTable
  bot_instances: BotInstancesTable
  bot_generations: BotGenerationsTable
  signing_keys: SigningKeysTable
  audit_events: AuditEventsTable
}
