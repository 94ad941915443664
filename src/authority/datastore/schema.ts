import type { Generated, Selectable } from 'kysely'
import type { AuditEventsTable } from './schema/audit-tables.ts'
import type { AuthoritiesTable } from './schema/authority-table.ts'
import type { BotGenerationsTable, BotInstancesTable } from './schema/bot-tables.ts'
import type { JoinTokensTable, JoinTokenUsesTable } from './schema/join-tables.ts'
import type { SigningKeysTable } from './schema/key-tables.ts'
import type { MetaTable, SchemaMigrationsTable } from './schema/meta-table.ts'
import type { ResourcesTable } from './schema/resource-table.ts'
import type { TombstonesTable } from './schema/tombstone-table.ts'

/** Every table of the authority's database. */
export interface Schema {
  schema_migrations: SchemaMigrationsTable
  meta: MetaTable
  authorities: AuthoritiesTable
  resources: ResourcesTable
  join_tokens: WithDefaults<JoinTokensTable, 'resource_kind' | 'uses'>
  join_token_uses: JoinTokenUsesTable
  bot_instances: WithDefaults<BotInstancesTable, 'bot_kind'>
  bot_generations: BotGenerationsTable
  signing_keys: SigningKeysTable
  tombstones: TombstonesTable
  audit_events: AuditEventsTable
}

/** A row as it is read. */
export type Row<Table extends keyof Schema> = Selectable<Schema[Table]>

/** Columns that an insert may leave to the database. */
type WithDefaults<Table, Column extends keyof Table> = {
  [Name in keyof Table]: Name extends Column ? Generated<Table[Name]> : Table[Name]
}
