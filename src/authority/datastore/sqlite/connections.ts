import { chmodSync, statSync } from 'node:fs'
import { DatabaseSync, type SQLInputValue } from 'node:sqlite'
import {
  type CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  Kysely,
  type QueryResult,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from 'kysely'
import type { Schema } from '../schema.ts'

/** How long a statement waits for a lock that another process holds, such as a backup or a shell. */
const BUSY_TIMEOUT_MS = 5000

/**
 * Opens the writing connection. `auto_vacuum` lets a new database give pages back to the disk; an
 * older one must be rewritten first. `synchronous = FULL` makes commits survive a power failure in
 * WAL mode too. `secure_delete` zeroes deleted content, such as a sealed private key, in pages that
 * are written anyway.
 */
export function openWriteConnection(location: string): DatabaseSync {
  const db = new DatabaseSync(location, { timeout: BUSY_TIMEOUT_MS, enableForeignKeyConstraints: true })
  makePrivate(db.location())
  db.exec('PRAGMA auto_vacuum = INCREMENTAL') // works only on a new file, before the first write
  db.exec(
    'PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA secure_delete = FAST',
  )
  return db
}

/** Restricts a file that was just created. SQLite gives the write-ahead log the same mode. */
function makePrivate(file: string | null): void {
  if (file && statSync(file).size === 0) chmodSync(file, 0o600)
}

/** Opens a connection that can only read, so that every change goes through the commit queue. */
export function openReadConnection(location: string): DatabaseSync {
  const db = new DatabaseSync(location, { timeout: BUSY_TIMEOUT_MS })
  db.exec('PRAGMA query_only = ON')
  return db
}

/** Executes one compiled statement. */
type Execute = (sql: string, params: readonly SQLInputValue[]) => QueryResult<unknown>

/** Kysely's query builder over a connection that the caller opens and closes. */
export function queriesOver(execute: Execute): Kysely<Schema> {
  const connection: DatabaseConnection = {
    executeQuery: async <R>({ sql, parameters }: CompiledQuery): Promise<QueryResult<R>> =>
      execute(sql, parameters as readonly SQLInputValue[]) as QueryResult<R>,
    streamQuery: () => refuse('streams'),
  }
  const driver: Driver = {
    init: async () => undefined,
    acquireConnection: async () => connection,
    beginTransaction: () => refuse('transactions'),
    commitTransaction: () => refuse('transactions'),
    rollbackTransaction: () => refuse('transactions'),
    releaseConnection: async () => undefined,
    destroy: async () => undefined,
  }
  const dialect: Dialect = {
    createAdapter: () => new SqliteAdapter(),
    createDriver: () => driver,
    createIntrospector: (db) => new SqliteIntrospector(db),
    createQueryCompiler: () => new SqliteQueryCompiler(),
  }
  return new Kysely<Schema>({ dialect })
}

/** Executes statements on a connection that only this query builder uses. */
export function executeOn(db: DatabaseSync): Execute {
  return (sql, params) => {
    const statement = db.prepare(sql)
    if (statement.columns().length > 0) return { rows: statement.all(...params) }
    return { rows: [], numAffectedRows: BigInt(statement.run(...params).changes) }
  }
}

function refuse(what: string): never {
  throw new TypeError(`the query builder has no ${what} of its own here`)
}
