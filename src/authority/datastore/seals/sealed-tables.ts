import type { DatabaseSync } from 'node:sqlite'

/**
 * The tables whose rows grant or revoke trust, or identify this database. Each of them has a column
 * `seal`.
 */
export const SEALED_TABLES = [
  'schema_migrations',
  'meta',
  'authorities',
  'signing_keys',
  'resources',
  'join_tokens',
  'join_token_uses',
  'bot_instances',
  'bot_generations',
  'tombstones',
] as const

export type SealedTable = (typeof SEALED_TABLES)[number]

export const SEAL_COLUMN = 'seal'

/**
 * The columns that a seal covers, in the order of the table; empty when an older database does not
 * have the table yet.
 */
export function columnsOf(connection: DatabaseSync, table: SealedTable): string[] {
  const columns = connection.prepare(`PRAGMA main.table_info(${table})`).all() as { name: string }[]
  return columns.map(({ name }) => name).filter((name) => name !== SEAL_COLUMN)
}

/** The columns that identify a row, for people to read. */
export const KEY_COLUMNS: Readonly<Record<SealedTable, readonly string[]>> = {
  schema_migrations: ['number'],
  meta: ['key'],
  authorities: ['number', 'id'],
  signing_keys: ['id', 'purpose', 'state'],
  resources: ['kind', 'name'],
  join_tokens: ['name'],
  join_token_uses: ['token_name', 'instance_id'],
  bot_instances: ['id', 'bot_name'],
  bot_generations: ['instance_id', 'generation', 'state'],
  tombstones: ['topic', 'kind', 'name'],
}
