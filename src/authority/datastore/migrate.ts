import type { Kysely } from 'kysely'
import type { Clock } from '../../foundation/clock.ts'
import { SchemaTooNewError } from './errors.ts'
import { migrate0001 } from './migrations/0001-first.ts'
import { migrate0002 } from './migrations/0002-seals.ts'
import { migrate0003 } from './migrations/0003-audit-chains.ts'
import { migrate0004 } from './migrations/0004-join-methods.ts'
import { migrate0005 } from './migrations/0005-revisions.ts'
import type { Schema } from './schema.ts'

interface Migration {
  readonly number: number
  readonly name: string
  readonly up: (db: Kysely<unknown>) => Promise<void>
}

const MIGRATIONS: readonly Migration[] = [
  { number: 1, name: 'first', up: migrate0001 },
  { number: 2, name: 'seals', up: migrate0002 },
  { number: 3, name: 'audit chains', up: migrate0003 },
  { number: 4, name: 'join methods', up: migrate0004 },
  { number: 5, name: 'revisions', up: migrate0005 },
]

/** Refuses a database that a newer version has written, without changing it. @throws SchemaTooNewError */
export async function refuseNewerSchema(db: Kysely<Schema>): Promise<void> {
  const tables = await db.introspection.getTables()
  if (!tables.some(({ name }) => name === 'schema_migrations')) return
  const query = db.selectFrom('schema_migrations').select((row) => row.fn.max('number').as('newest'))
  const newest = Number((await query.executeTakeFirst())?.newest ?? 0)
  const known = MIGRATIONS.at(-1)?.number ?? 0
  if (newest <= known) return
  throw new SchemaTooNewError(
    `the database has schema ${newest}, this program knows up to ${known}: run the newer version of signet that wrote it`,
  )
}

/** Runs the missing migrations inside the open transaction. Returns false when none was missing. */
export async function migrate(db: Kysely<Schema>, clock: Clock): Promise<boolean> {
  await db.schema
    .createTable('schema_migrations')
    .ifNotExists()
    .addColumn('number', 'integer', (c) => c.primaryKey())
    .addColumn('name', 'text', (c) => c.notNull())
    .addColumn('applied_ms', 'integer', (c) => c.notNull())
    .execute()
  const rows = await db.selectFrom('schema_migrations').select('number').execute()
  const applied = new Set(rows.map((row) => row.number))
  const missing = MIGRATIONS.filter(({ number }) => !applied.has(number))
  for (const { number, name, up } of missing) {
    await up(db as unknown as Kysely<unknown>)
    await db
      .insertInto('schema_migrations')
      .values({ number, name, applied_ms: clock.now().getTime() })
      .execute()
  }
  return missing.length > 0
}
