import type { KeyObject } from 'node:crypto'
import type { Kysely } from 'kysely'
import type { Row, Schema } from './schema.ts'
import type { ForeignRow } from './seals/examine.ts'
import type { SealedTable } from './seals/sealed-tables.ts'
import type { Finding } from './seals/sealer.ts'

/** A condition on rows: each named column equals this value or, with `above`, exceeds this number. */
export type Where<Row> = {
  readonly [Column in keyof Row]?: Row[Column] | { readonly above: number }
}

/** An audit event that has no sequence number yet. */
export interface NewAuditRow {
  readonly event: string
  readonly actor: string
  readonly ref?: string
  readonly detail: object
}

/** An audit event with its sequence number and its hash. */
export interface ChainedAuditRow {
  readonly sequence: number
  readonly time_ms: number
  readonly event: string
  readonly actor: string
  readonly ref: string | null
  readonly detail: string
  readonly hash: Uint8Array
}

/** Gives audit rows their sequence numbers and hashes. */
export interface AuditChaining {
  /**
   * Returns the rows that follow the last durable one. Called just before a commit, which may still
   * fail.
   */
  extend(events: readonly NewAuditRow[]): readonly ChainedAuditRow[]
  /** Called when the rows that `extend` returned last are durable. */
  committed(): void
}

/** Stores audit rows in batches. This is the hot path of the database. */
export interface AuditSink {
  /** Appends all of these events or none. Calls keep their order. Resolves when the rows are durable. */
  append(events: readonly NewAuditRow[]): Promise<void>
}

/** The kinds of things that have a revision: resources, and whatever else an authority keeps in memory. */
export type Topic = 'resource' | 'bot_instance' | 'signing_key'

/**
 * The last change of one thing; `row` is absent when the change deleted it. When a bot is deleted, its
 * instances are deleted with it and have no changes of their own.
 */
export type Change =
  | {
      readonly topic: 'resource'
      readonly kind: string
      readonly name: string
      readonly revision: number
      readonly row: Row<'resources'> | undefined
    }
  | {
      readonly topic: 'bot_instance'
      /** Its ID. */
      readonly name: string
      readonly revision: number
      readonly row: Row<'bot_instances'> | undefined
    }
  | {
      readonly topic: 'signing_key'
      /** Its ID. */
      readonly name: string
      readonly revision: number
      readonly row: Row<'signing_keys'> | undefined
    }

export interface Changes {
  /** Pass this to the next `read`. */
  readonly revision: number
  /** True: `changes` holds everything that exists. False: only what has changed since. */
  readonly isSnapshot: boolean
  /** In the order of their revisions; only the last change of each thing. */
  readonly changes: readonly Change[]
}

/**
 * The changes of everything that has a revision. This authority keeps its copies in memory current with
 * `subscribe`, which tells it of its own commits. `read` is for a reader that has missed some; with one
 * authority on a database there is none. The revisions and tombstones that it needs are written all the
 * same, because they cannot be added to a database later, and the contract tests prove them with `read`.
 */
export interface ChangeFeed {
  /**
   * Reads what changed after a revision. Returns a snapshot when no revision is given or when it is
   * too old.
   */
  read(after?: number): Promise<Changes>
  /**
   * Calls the listener after each commit with all of its changes, in order, before the promise of the
   * transaction resolves.
   */
  subscribe(listener: (changes: readonly Change[]) => void): Disposable
}

/**
 * One state change: all of it is stored, or nothing. It is usable only while its task runs. When a
 * statement fails the transaction fails, even if the task catches the error.
 */
export interface Transaction {
  /** Changes rows. Use `rows` to read rows of sealed tables: it checks that this authority wrote them. */
  readonly db: Pick<Kysely<Schema>, 'insertInto' | 'updateTable' | 'deleteFrom'>
  /**
   * Reads rows of a sealed table, in no particular order, and checks their seals. @throws
   * RowsAlteredError
   */
  rows<Table extends SealedTable>(table: Table, where?: Where<Row<Table>>): Promise<Row<Table>[]>
  /** Stores an audit row together with this change. */
  append(event: NewAuditRow): void
  /** Passes a change on to the change feed once it is durable. */
  changed(change: Change): void
  /** Calls `callback` when the transaction is durable, before its promise resolves. */
  afterCommit(callback: () => void): void
  /** Removes rows that this authority did not write. */
  discard(rows: readonly ForeignRow[]): void
  /** Seals every row again under another key-encryption key. */
  reseal(kek: KeyObject): void
}

export interface SpaceInFile {
  /** Length of the database file in bytes. The write-ahead log beside it may hold more for a while. */
  readonly bytes: number
  /** Bytes in free pages, which new rows fill before the file grows. */
  readonly reusableBytes: number
  /** Whether free pages can be given back to the disk while the authority runs. */
  readonly shrinks: boolean
}

/** The authority's database. */
export interface Datastore extends AsyncDisposable {
  /** Reads tables that are not sealed. It cannot write. */
  readonly db: Pick<Kysely<Schema>, 'selectFrom' | 'introspection'>
  /**
   * Runs a task that changes state, and resolves with its result when the change is durable. The task
   * may await nothing but its own transaction, because other changes wait for it; otherwise it fails
   * with a TypeError.
   */
  transaction<T>(task: (tx: Transaction) => Promise<T>): Promise<T>
  readonly changes: ChangeFeed
  /**
   * Opens the sink for audit rows. `chaining` also numbers the audit rows of transactions. Call it
   * once.
   */
  openAuditSink(chaining: AuditChaining): AuditSink
  /**
   * Reads rows of a sealed table and checks their seals. Until `started` is called, it returns the
   * rows that were checked at opening. @throws RowsAlteredError
   */
  rows<Table extends SealedTable>(table: Table, where?: Where<Row<Table>>): Promise<readonly Row<Table>[]>
  /** Ends the start: rows kept from opening are dropped. */
  started(): void

  /** The number of this authority in its audit rows. */
  readonly authority: number
  /** How many durable commits there were since the database was created. */
  readonly commits: number
  /** How many unsealed rows were sealed at opening, which happens once. */
  readonly adopted: { readonly rows: number } | undefined
  /** Problems found at opening that the operator accepted. */
  readonly accepted: readonly string[]
  /**
   * Calls the listener with changes that this authority did not make: those found at opening, and
   * later ones.
   */
  watchFindings(listener: (finding: Finding) => void): void
  /** Compares the whole database with what this authority wrote. Returns one sentence per finding. */
  examine(): Promise<string[]>

  /** Why changes cannot be stored now; undefined when they can. */
  readonly problem: string | undefined
  /** How much of the database file is used. */
  readonly space: SpaceInFile
  /** Gives unused space back to the disk. */
  shrink(): Promise<SpaceInFile>
  /** Copies everything as it is at one moment into a new file, while other work goes on. */
  copyTo(file: string): Promise<void>
  /** Empties the write-ahead log, so that it holds no old contents. */
  flush(): Promise<void>
}
