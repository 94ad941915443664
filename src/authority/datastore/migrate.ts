import type { DatabaseSync } from 'node:sqlite'
import { Kysely } from 'kysely'
import type { Clock } from '../../foundation/clock.ts'
import { SchemaTooNewError } from './errors.ts'
import { migrate0001 } from './migrations/0001-first.ts'
import { createNodeSqliteDialect } from './node-sqlite.ts'
import type { Schema } from './schema.ts'

interface Migration {
  readonly number: number
  readonly name: string
  readonly up: (db: Kysely<unknown>) => Promise<void>
}

const MIGRATIONS: readonly Migration[] = [{ number: 1, name: 'first', up: migrate0001 }]

/** Brings the tables to what this program knows, in one transaction: all of it or nothing. */
export async function migrate(connection: DatabaseSync, clock: Clock): Promise<void> {
  const db = new Kysely<Schema>({ dialect: createNodeSqliteDialect(connection) })
  await db.transaction().execute(async (tx) => {
    await tx.schema
      .createTable('schema_migrations')
      .ifNotExists()
      .addColumn('number', 'integer', (c) => c.primaryKey())
      .addColumn('name', 'text', (c) => c.notNull())
      .addColumn('applied_ms', 'integer', (c) => c.notNull())
      .execute()
    const applied = new Set(
      (await tx.selectFrom('schema_migrations').select('number').execute()).map((r) => r.number),
    )
    const newest = Math.max(0, ...applied)
    const known = MIGRATIONS.at(-1)?.number ?? 0
    if (newest > known) {
      throw new SchemaTooNewError(
        `the database has schema ${newest}, this program knows up to ${known}: run the newer version of signet that wrote it`,
      )
    }
    for (const migration of MIGRATIONS) {
      if (applied.has(migration.number)) continue
      await migration.up(tx as unknown as Kysely<unknown>)
      const row = { number: migration.number, name: migration.name, applied_ms: clock.now().getTime() }
      await tx.insertInto('schema_migrations').values(row).execute()
    }
  })
}
