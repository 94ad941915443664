import { type KeyObject, randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import type { DatabaseSync } from 'node:sqlite'
import { setImmediate } from 'node:timers/promises'
import type { Kysely } from 'kysely'
import type { Clock } from '../../../foundation/clock.ts'
import { CodedError } from '../../../foundation/errors.ts'
import type { Logger } from '../../../foundation/logger.ts'
import type { Metrics } from '../../../foundation/metrics.ts'
import { nameAuthority } from '../authority-repository.ts'
import { DatastoreChanges } from '../change-feed.ts'
import { DatastoreInvalidError, storageFailure } from '../errors.ts'
import { migrate, refuseNewerSchema } from '../migrate.ts'
import type {
  AuditChaining,
  AuditSink,
  Change,
  Datastore,
  SpaceInFile,
  Transaction,
  Where,
} from '../ports.ts'
import type { Row, Schema } from '../schema.ts'
import { ONLY_AUTHORITY } from '../seals/audit-end.ts'
import { describeForeign, type PlainRow } from '../seals/examine.ts'
import { databaseGone, type Opened, openSealed, type Past } from '../seals/open-sealed.ts'
import type { SealedTable } from '../seals/sealed-tables.ts'
import { type Finding, Sealer } from '../seals/sealer.ts'
import { CommitQueue } from './commit-queue.ts'
import { executeOn, openReadConnection, openWriteConnection, queriesOver } from './connections.ts'
import { copyDatabase } from './copy-database.ts'
import { prepareToShrink, spaceOf } from './space.ts'

export interface SqliteDatastoreDeps {
  readonly clock: Clock
  readonly metrics: Metrics
  readonly logger: Logger
  /** The key-encryption key, to which the rows are bound. */
  readonly kek: KeyObject
  /** Where the key came from, for messages: `/etc/signet/kek` or `$SIGNET_KEK`. */
  readonly keySource: string
  /** What files outside the database say about it. */
  readonly past: Past
  /** Go on, once, with a database that something else has changed. */
  readonly acceptAltered?: boolean
}

/** Freed in one step; it takes a millisecond or two. */
const PAGES_PER_STEP = 256

/** A database in a SQLite file, with one connection that writes and one that reads. */
export class SqliteDatastore implements Datastore {
  readonly db: Kysely<Schema>
  readonly authority = ONLY_AUTHORITY
  readonly changes = new DatastoreChanges(this)
  readonly adopted: Opened['adopted']
  readonly accepted: readonly string[]
  readonly #location: string
  readonly #connection: DatabaseSync
  readonly #reader: DatabaseSync
  readonly #queue: CommitQueue
  readonly #sealer: Sealer
  readonly #findings: Finding[]
  #rowsAtStart: ReadonlyMap<SealedTable, readonly PlainRow[]> | undefined
  #onFinding: ((finding: Finding) => void) | undefined
  #closed = false

  private constructor(
    location: string,
    connection: DatabaseSync,
    reader: DatabaseSync,
    opened: Opened,
    deps: SqliteDatastoreDeps,
  ) {
    this.#location = location
    this.#connection = connection
    this.#reader = reader
    this.db = queriesOver(executeOn(reader))
    this.adopted = opened.adopted
    this.accepted = opened.accepted
    this.#rowsAtStart = opened.rows
    this.#findings = isEmpty(opened.finding) ? [] : [opened.finding]
    this.#sealer = new Sealer(connection, opened, (finding) => this.#report(finding))
    const { clock, metrics, logger } = deps
    const onChanges = (changes: readonly Change[]): void => this.changes.announce(changes)
    this.#queue = new CommitQueue(connection, this.#sealer, { clock, metrics, logger, onChanges })
  }

  /**
   * Opens or creates the database at `path` (`:memory:` for a private one), checks that it is as this
   * authority left it, and migrates it.
   * @throws DatastoreAlteredError when it is not as this authority left it
   * @throws DatastoreInvalidError when it cannot be opened
   */
  static async open(path: string, deps: SqliteDatastoreDeps): Promise<SqliteDatastore> {
    // Both connections must open the same database, so one in memory needs a unique name.
    const location = path === ':memory:' ? `file:${randomUUID()}?mode=memory&cache=shared` : path
    // Before SQLite creates an empty file, which a restore would take for a database in use.
    if (deps.past === 'sealed' && location === path && !existsSync(path)) throw databaseGone()
    let connection: DatabaseSync | undefined
    try {
      connection = openWriteConnection(location)
      const opened = await openInTransaction(connection, deps)
      // Rewriting would give rows new rowids, and findings refer to rows by rowid.
      if (isEmpty(opened.finding)) prepareToShrink(connection)
      return new SqliteDatastore(location, connection, openReadConnection(location), opened, deps)
    } catch (error) {
      connection?.close()
      if (error instanceof CodedError) throw error
      const failure = storageFailure(error)
      const cause = failure ? failure.publicMessage : 'it is not a database of this program'
      throw new DatastoreInvalidError(`cannot open the database ${path}: ${cause}`, { cause: error })
    }
  }

  transaction<T>(task: (tx: Transaction) => Promise<T>): Promise<T> {
    return this.#queue.run(task)
  }

  openAuditSink(chaining: AuditChaining): AuditSink {
    this.#queue.chainWith(chaining)
    return { append: (events) => this.#queue.append(events) }
  }

  async rows<Table extends SealedTable>(
    table: Table,
    where?: Where<Row<Table>>,
  ): Promise<readonly Row<Table>[]> {
    const atStart = this.#sealer.hasChanged(table) ? undefined : this.#rowsAtStart?.get(table)
    if (atStart && where === undefined) return atStart as unknown as readonly Row<Table>[]
    return this.transaction((tx) => tx.rows(table, where))
  }

  started(): void {
    this.#rowsAtStart = undefined
  }

  get commits(): number {
    return this.#sealer.commits
  }

  watchFindings(listener: (finding: Finding) => void): void {
    this.#onFinding = listener
    for (const finding of this.#findings.splice(0)) listener(finding)
  }

  examine(): Promise<string[]> {
    return this.#queue.look(() => {
      const finding = this.#sealer.examine()
      if (!isEmpty(finding)) this.#report(finding)
      return [...finding.foreign.map(describeForeign), ...finding.problems]
    })
  }

  get problem(): string | undefined {
    return this.#queue.problem ?? this.#sealer.altered
  }

  get space(): SpaceInFile {
    return spaceOf(this.#connection)
  }

  /** Frees some pages at a time, so that other work goes on in between. */
  async shrink(): Promise<SpaceInFile> {
    for (;;) {
      const before = this.space
      if (this.#closed || !before.shrinks || before.reusableBytes === 0) break
      await this.#queue.alone(() => this.#connection.exec(`PRAGMA incremental_vacuum(${PAGES_PER_STEP})`))
      if (this.space.reusableBytes >= before.reusableBytes) break
      await setImmediate()
    }
    // The file keeps its length until this checkpoint. A reader that is active now delays it to a
    // later one.
    await this.flush()
    return this.space
  }

  copyTo(file: string): Promise<void> {
    return copyDatabase(this.#location, file)
  }

  /** Moves the write-ahead log into the database file and empties it. */
  async flush(): Promise<void> {
    if (this.#closed) return
    await this.#queue.alone(() => this.#connection.exec('PRAGMA wal_checkpoint(TRUNCATE)'))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    await this.#queue.close()
    this.#reader.close()
    this.#connection.close()
  }

  #report(finding: Finding): void {
    if (this.#onFinding) this.#onFinding(finding)
    else this.#findings.push(finding)
  }
}

async function openInTransaction(connection: DatabaseSync, deps: SqliteDatastoreDeps): Promise<Opened> {
  const { kek, keySource, past, acceptAltered = false, clock } = deps
  connection.exec('BEGIN IMMEDIATE')
  try {
    const db = queriesOver(executeOn(connection))
    await refuseNewerSchema(db)
    const options = { kek, keySource, past, acceptAltered }
    const opened = await openSealed(connection, options, async () => {
      const isMigrated = await migrate(db, clock)
      return (await nameAuthority(db, ONLY_AUTHORITY, clock)) || isMigrated
    })
    connection.exec('COMMIT')
    return opened
  } catch (error) {
    if (connection.isTransaction) connection.exec('ROLLBACK')
    throw error
  }
}

function isEmpty({ foreign, problems }: Finding): boolean {
  return foreign.length + problems.length === 0
}
