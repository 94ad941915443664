import { randomUUID } from 'node:crypto'
import type { DatabaseSync } from 'node:sqlite'
import { setImmediate } from 'node:timers/promises'
import { Kysely } from 'kysely'
import type { Clock } from '../../foundation/clock.ts'
import { CodedError } from '../../foundation/errors.ts'
import type { Logger } from '../../foundation/logger.ts'
import type { Metrics } from '../../foundation/metrics.ts'
import { DatastoreInvalidError, storageFailure } from './errors.ts'
import { migrate } from './migrate.ts'
import { createNodeSqliteDialect, openReadConnection, openWriteConnection } from './node-sqlite.ts'
import type { Schema } from './schema.ts'
import { prepareToShrink, type SpaceInFile, spaceOf } from './space.ts'
import { WriteQueue } from './write-queue.ts'
import type { Writer } from './writer.ts'

export interface DatastoreDeps {
  readonly clock: Clock
  readonly metrics: Metrics
  readonly logger: Logger
}

/** A millisecond's work or two. */
const PAGES_A_TURN = 256

/** The authority's database. Reads go through `db`, which cannot write; every change goes through `write`. */
export class Datastore implements AsyncDisposable {
  readonly db: Kysely<Schema>
  readonly #connection: DatabaseSync
  readonly #queue: WriteQueue
  #closed = false

  private constructor(connection: DatabaseSync, db: Kysely<Schema>, queue: WriteQueue) {
    this.#connection = connection
    this.db = db
    this.#queue = queue
  }

  /** Opens or creates the database at `path` (`:memory:` for a private one) and brings its tables up to date. */
  static async open(path: string, deps: DatastoreDeps): Promise<Datastore> {
    // Both connections must see the same database, so one in memory needs a name that nobody else has.
    const location = path === ':memory:' ? `file:${randomUUID()}?mode=memory&cache=shared` : path
    let connection: DatabaseSync | undefined
    try {
      connection = openWriteConnection(location)
      await migrate(connection, deps.clock)
      prepareToShrink(connection)
      const db = new Kysely<Schema>({ dialect: createNodeSqliteDialect(openReadConnection(location)) })
      await db.selectFrom('schema_migrations').select('number').execute() // destroy() closes only what was used once
      return new Datastore(connection, db, new WriteQueue(connection, deps))
    } catch (error) {
      connection?.close()
      if (error instanceof CodedError) throw error
      const failure = storageFailure(error)
      const cause = failure ? failure.publicMessage : 'it is not a database of this program'
      throw new DatastoreInvalidError(`cannot open the database ${path}: ${cause}`, { cause: error })
    }
  }

  /**
   * Runs a synchronous task in a transaction, together with others that were asked for in the same turn of the loop; a task that
   * throws fails alone. Resolves when everything the task did is durable.
   */
  write<T>(task: (writer: Writer) => T): Promise<T> {
    return this.#queue.add(task)
  }

  /** Why nothing can be relied on to be stored now; undefined when all is well. */
  get problem(): string | undefined {
    return this.#queue.problem
  }

  /** How the file is filled. */
  get space(): SpaceInFile {
    return spaceOf(this.#connection)
  }

  /** Gives pages that hold nothing any more back to the disk, some at a time; others have their turn between. */
  async shrink(): Promise<SpaceInFile> {
    for (;;) {
      const before = this.space
      if (this.#closed || !before.shrinks || before.reusableBytes === 0) break
      this.#connection.exec(`PRAGMA incremental_vacuum(${PAGES_A_TURN})`)
      if (this.space.reusableBytes >= before.reusableBytes) break
      await setImmediate()
    }
    // Until then the file has its old length. Somebody who reads just now puts it off to a later checkpoint.
    if (!this.#closed) this.#connection.exec('PRAGMA wal_checkpoint(TRUNCATE)')
    return this.space
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    this.#queue.close()
    await this.db.destroy()
    this.#connection.close()
  }
}
