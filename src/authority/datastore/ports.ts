import type { KeyObject } from 'node:crypto'
import type { Kysely } from 'kysely'
import type { Row, Schema } from './schema.ts'
import type { ForeignRow } from './seals/examine.ts'
import type { SealedTable } from './seals/sealed-tables.ts'
import type { Finding } from './seals/sealer.ts'
import type { SpaceInFile } from './sqlite/space.ts'

/** Which rows are meant: those whose columns have these values, or a greater number. */
export type Where<Row> = {
  readonly [Column in keyof Row]?: Row[Column] | { readonly above: number }
}

/** An event before it has its place in the chain of audit rows. */
export interface NewAuditRow {
  readonly event: string
  readonly actor: string
  readonly ref?: string
  readonly detail: object
}

/** An event in its place in the chain. */
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
  /** The rows that follow the last durable one. Called just before a commit, which may still fail. */
  extend(events: readonly NewAuditRow[]): readonly ChainedAuditRow[]
  /** What `extend` gave last is durable. */
  committed(): void
}

/** The hot way into the database: audit rows, batched. */
export interface AuditSink {
  /** Appends all of these or none, in the order of the calls. Resolves when they are durable. */
  append(events: readonly NewAuditRow[]): Promise<void>
}

/** What has revisions: resources, and what the authority keeps in memory beside them. */
export type Topic = 'resource' | 'bot_instance' | 'signing_key'

/** Something at a revision; `row` is absent when it was deleted then. The instances of a bot go with it and are not told of. */
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
      /** Its id. */
      readonly name: string
      readonly revision: number
      readonly row: Row<'bot_instances'> | undefined
    }
  | {
      readonly topic: 'signing_key'
      /** Its id. */
      readonly name: string
      readonly revision: number
      readonly row: Row<'signing_keys'> | undefined
    }

export interface Changes {
  /** Where the next read goes on. */
  readonly revision: number
  /** All there is; what the reader has beside it is gone. Otherwise only what has changed. */
  readonly isSnapshot: boolean
  /** In the order of their revisions. Of each thing only its last change. */
  readonly changes: readonly Change[]
}

/** The changes of whatever has revisions, by whomever. */
export interface ChangeFeed {
  /** What has changed after a revision; a snapshot without one, or when it is too old or of another database. */
  read(after?: number): Promise<Changes>
  /** Changes from now on: in order, those of one commit together, before the promise of a transaction that made them resolves. */
  subscribe(listener: (changes: readonly Change[]) => void): Disposable
}

/**
 * One state change, all or nothing. Valid only during the task that it was given to. A statement that failed dooms it, whether or not the
 * task catches the error.
 */
export interface Transaction {
  /** Changes rows. Rows of sealed tables are read with `rows`, since anybody may have written what stands there. */
  readonly db: Pick<Kysely<Schema>, 'insertInto' | 'updateTable' | 'deleteFrom'>
  /** Rows of a sealed table, each of them ours and as we left it, in no order. @throws RowsAlteredError */
  rows<Table extends SealedTable>(table: Table, where?: Where<Row<Table>>): Promise<Row<Table>[]>
  /** The audit row becomes durable with this change, and not at all if it fails. */
  append(event: NewAuditRow): void
  /** Those who follow the changes hear of it once it is durable. */
  changed(change: Change): void
  /** Called once the change is durable, before the promise of the transaction resolves; never when it failed. */
  afterCommit(callback: () => void): void
  /** Removes rows that somebody else has written. */
  discard(rows: readonly ForeignRow[]): void
  /** Seals every row anew, under another key-encryption key. */
  reseal(kek: KeyObject): void
}

/** The authority's database. */
export interface Datastore extends AsyncDisposable {
  /** Reads tables that are not sealed; cannot write. */
  readonly db: Pick<Kysely<Schema>, 'selectFrom' | 'introspection'>
  /**
   * Runs a task that changes state. It resolves with the task's result when everything the task did is durable. The task may await
   * nothing but its own transaction, since the next one waits for it: a task that awaits anything else fails with a TypeError.
   */
  transaction<T>(task: (tx: Transaction) => Promise<T>): Promise<T>
  readonly changes: ChangeFeed
  /** The way for audit rows, of transactions, too, from now on. Called once. */
  openAuditSink(chaining: AuditChaining): AuditSink
  /** Rows of a sealed table, each of them ours. At a start they are those that were looked at when the database was opened. */
  rows<Table extends SealedTable>(table: Table, where?: Where<Row<Table>>): Promise<readonly Row<Table>[]>
  /** What was read at the start has been taken over by those who need it. */
  started(): void

  /** The number of this authority, which its audit rows have. */
  readonly authority: number
  /** Durable commits there have been since the database was made. */
  readonly commits: number
  /** What the first version that seals rows has taken over from one that did not. */
  readonly adopted: { readonly rows: number } | undefined
  /** What was wrong with the database when it was opened, and has been accepted. */
  readonly accepted: readonly string[]
  /** Tells of whatever somebody else has done to the database: what was found when it was opened, and what is found from now on. */
  watchFindings(listener: (finding: Finding) => void): void
  /** Compares the whole database with what was written last; tells the same as `watchFindings`, one sentence each. */
  examine(): Promise<string[]>

  /** Why nothing can be relied on to be stored now; undefined when all is well. */
  readonly problem: string | undefined
  /** How the file is filled. */
  readonly space: SpaceInFile
  /** Gives room that holds nothing any more back to the disk. */
  shrink(): Promise<SpaceInFile>
  /** Leaves nothing of the past in a log beside the database. */
  flush(): Promise<void>
}
