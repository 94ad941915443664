import { type KeyObject, randomUUID } from 'node:crypto'
import type { DatabaseSync } from 'node:sqlite'
import { setImmediate } from 'node:timers/promises'
import { Kysely } from 'kysely'
import type { Clock } from '../../foundation/clock.ts'
import { CodedError } from '../../foundation/errors.ts'
import type { Logger } from '../../foundation/logger.ts'
import type { Metrics } from '../../foundation/metrics.ts'
import { DatastoreInvalidError, storageFailure } from './errors.ts'
import { migrate, refuseNewerSchema } from './migrate.ts'
import { createNodeSqliteDialect, openReadConnection, openWriteConnection } from './node-sqlite.ts'
import type { Schema } from './schema.ts'
import type { ForeignRow, PlainRow } from './seals/examine.ts'
import { type Opened, openSealed, type Past } from './seals/open-sealed.ts'
import type { SealedTable } from './seals/sealed-tables.ts'
import { type Finding, Sealer } from './seals/sealer.ts'
import { prepareToShrink, type SpaceInFile, spaceOf } from './space.ts'
import { WriteQueue } from './write-queue.ts'
import type { SqlValue, Writer } from './writer.ts'

export interface DatastoreDeps {
  readonly clock: Clock
  readonly metrics: Metrics
  readonly logger: Logger
  /** The key-encryption key: rows are bound to it. */
  readonly kek: KeyObject
  /** Where the key came from, for people: `/etc/signet/kek` or `$SIGNET_KEK`. */
  readonly keySource: string
  /** What is known from outside the database. */
  readonly past: Past
  /** Go on with a database that somebody else has written, once. */
  readonly acceptAltered?: boolean
}

/** A millisecond's work or two. */
const PAGES_A_TURN = 256

/**
 * The authority's database. Reads of what nobody has to be trusted with go through `db`, which cannot write; every change goes through
 * `write`. Rows that grant trust are sealed, and read with `rows`.
 */
export class Datastore implements AsyncDisposable {
  readonly db: Kysely<Schema>
  /** What the first version that seals rows has taken over from one that did not. */
  readonly adopted: Opened['adopted']
  /** What was wrong with the database when it was opened, and has been accepted. */
  readonly accepted: readonly string[]
  readonly #connection: DatabaseSync
  readonly #queue: WriteQueue
  readonly #sealer: Sealer
  readonly #findings: Finding[]
  #rowsAtStart: ReadonlyMap<SealedTable, readonly PlainRow[]> | undefined
  #onFinding: ((finding: Finding) => void) | undefined
  #closed = false

  private constructor(connection: DatabaseSync, db: Kysely<Schema>, opened: Opened, deps: DatastoreDeps) {
    this.#connection = connection
    this.db = db
    this.adopted = opened.adopted
    this.accepted = opened.accepted
    this.#rowsAtStart = opened.rows
    this.#findings = isEmpty(opened.finding) ? [] : [opened.finding]
    this.#sealer = new Sealer(connection, opened, (finding) => this.#tell(finding))
    this.#queue = new WriteQueue(connection, this.#sealer, deps)
  }

  /**
   * Opens or creates the database at `path` (`:memory:` for a private one), makes sure that it is as this authority left it, and brings its
   * tables up to date. @throws DatastoreAlteredError when it is not, and going on would lose trust
   */
  static async open(path: string, deps: DatastoreDeps): Promise<Datastore> {
    // Both connections must see the same database, so one in memory needs a name that nobody else has.
    const location = path === ':memory:' ? `file:${randomUUID()}?mode=memory&cache=shared` : path
    let connection: DatabaseSync | undefined
    try {
      connection = openWriteConnection(location)
      const opened = await takeInHand(connection, deps)
      // Rewriting moves rows, and what was found shall still be there.
      if (isEmpty(opened.finding)) prepareToShrink(connection)
      const db = new Kysely<Schema>({ dialect: createNodeSqliteDialect(openReadConnection(location)) })
      await db.selectFrom('schema_migrations').select('number').execute() // destroy() closes only what was used once
      return new Datastore(connection, db, opened, deps)
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

  /** Rows of a sealed table, every one of them ours. At a start they are those that were looked at when the database was opened. */
  async rows<Row>(table: SealedTable, where = '', ...params: readonly SqlValue[]): Promise<readonly Row[]> {
    const atStart = this.#sealer.hasChanged(table) ? undefined : this.#rowsAtStart?.get(table)
    if (atStart && where === '') return atStart as readonly Row[]
    return this.write((writer) => writer.rows<Row>(table, where, ...params))
  }

  /** What was read at the start has been taken over by those who need it. */
  started(): void {
    this.#rowsAtStart = undefined
  }

  /** Durable commits there have been since the database was made. */
  get commits(): number {
    return this.#sealer.commits
  }

  /** Tells of whatever somebody else has done to the database: what was found when it was opened, and what is found from now on. */
  watchFindings(listener: (finding: Finding) => void): void {
    this.#onFinding = listener
    for (const finding of this.#findings.splice(0)) listener(finding)
  }

  /** Compares the whole database with what was written last; tells the same as `watchFindings`, one sentence each. */
  examine(): Promise<string[]> {
    return this.write(() => {
      const finding = this.#sealer.examine()
      if (!isEmpty(finding)) this.#tell(finding)
      return [...finding.foreign.map(describeForeign), ...finding.problems]
    })
  }

  /** Why nothing can be relied on to be stored now; undefined when all is well. */
  get problem(): string | undefined {
    return this.#queue.problem ?? this.#sealer.altered
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
    this.flush()
    return this.space
  }

  /** Brings everything from the log beside the database into its file, and empties the log. */
  flush(): void {
    if (!this.#closed) this.#connection.exec('PRAGMA wal_checkpoint(TRUNCATE)')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    this.#queue.close()
    await this.db.destroy()
    this.#connection.close()
  }

  #tell(finding: Finding): void {
    if (this.#onFinding) this.#onFinding(finding)
    else this.#findings.push(finding)
  }
}

async function takeInHand(connection: DatabaseSync, deps: DatastoreDeps): Promise<Opened> {
  const { kek, keySource, past, acceptAltered = false, clock } = deps
  connection.exec('BEGIN IMMEDIATE')
  try {
    refuseNewerSchema(connection)
    const options = { kek, keySource, past, acceptAltered }
    const opened = await openSealed(connection, options, () => migrate(connection, clock))
    connection.exec('COMMIT')
    return opened
  } catch (error) {
    if (connection.isTransaction) connection.exec('ROLLBACK')
    throw error
  }
}

export function describeForeign({ table, name }: ForeignRow): string {
  return `a row of ${table} (${name}) was written by somebody else`
}

function isEmpty({ foreign, problems }: Finding): boolean {
  return foreign.length + problems.length === 0
}
