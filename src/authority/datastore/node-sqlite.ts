import { chmodSync, statSync } from 'node:fs'
import { DatabaseSync, type SQLInputValue } from 'node:sqlite'
import { SqliteDialect } from 'kysely'

/** How long a statement waits for a lock that another process (a backup, a shell) holds. */
const BUSY_TIMEOUT_MS = 5000

/**
 * Opens the connection that writes. A database that is made now can give pages back to the disk later, which an older one learns only by
 * being rewritten. FULL: what has been committed survives the loss of power, in WAL mode too. What is overwritten or deleted, a sealed
 * private key for one, is zeroed in the pages that are written anyway.
 */
export function openWriteConnection(location: string): DatabaseSync {
  const db = new DatabaseSync(location, { timeout: BUSY_TIMEOUT_MS, enableForeignKeyConstraints: true })
  makePrivate(db.location())
  db.exec('PRAGMA auto_vacuum = INCREMENTAL') // has no effect but on a new file, and only before the first write
  db.exec(
    'PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA secure_delete = FAST',
  )
  return db
}

/** Only a file that was made just now: the log beside it takes its mode from it. */
function makePrivate(file: string | null): void {
  if (file && statSync(file).size === 0) chmodSync(file, 0o600)
}

/** Opens a connection that can only read, so that no change slips past the write queue. */
export function openReadConnection(location: string): DatabaseSync {
  const db = new DatabaseSync(location, { timeout: BUSY_TIMEOUT_MS })
  db.exec('PRAGMA query_only = ON')
  return db
}

/** Fits node:sqlite to the small driver interface that Kysely's SQLite dialect asks for. */
export function createNodeSqliteDialect(db: DatabaseSync): SqliteDialect {
  return new SqliteDialect({
    database: {
      close: () => db.close(),
      prepare: (sql) => {
        const statement = db.prepare(sql)
        const args = (values: readonly unknown[]): SQLInputValue[] => values as SQLInputValue[]
        return {
          reader: statement.columns().length > 0,
          all: (values) => statement.all(...args(values)),
          run: (values) => statement.run(...args(values)),
          iterate: (values) => statement.iterate(...args(values)),
        }
      },
    },
  })
}
