import type { AuditEventsTable } from './schema/audit.ts'
import type { BotGenerationsTable, BotInstancesTable } from './schema/bots.ts'
import type { JoinTokensTable, JoinTokenUsesTable } from './schema/join.ts'
import type { SigningKeysTable } from './schema/keys.ts'
import type { MetaTable, SchemaMigrationsTable } from './schema/meta.ts'
import type { ResourcesTable } from './schema/resources.ts'

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
