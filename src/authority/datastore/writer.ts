import { type KeyObject, randomBytes } from 'node:crypto'
import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite'
import { asCells, type ForeignRow } from './seals/examine.ts'
import { SealKeys } from './seals/seal-keys.ts'
import type { SealedTable } from './seals/sealed-tables.ts'
import type { Sealer } from './seals/sealer.ts'
import { ID_BYTES } from './seals/state-record.ts'

export type SqlValue = string | number | bigint | Uint8Array | null

/**
 * A stage at the end of a transaction. What tasks leave for it is written once per commit, in the order of the tasks, and only for
 * those that succeeded: what an audit chain needs, whose rows depend on one another.
 */
export interface CommitStage<T> {
  write(writer: Writer, items: readonly T[]): void
  /** The transaction is durable. */
  committed(items: readonly T[]): void
}

/** Synchronous, prepared statements inside the transaction that is open now. Valid only during the task it was given to. */
export interface Writer {
  run(sql: string, ...params: readonly SqlValue[]): { readonly changes: number }
  all<Row>(sql: string, ...params: readonly SqlValue[]): Row[]
  get<Row>(sql: string, ...params: readonly SqlValue[]): Row | undefined
  /** Rows of a sealed table, each of them ours and as we left it; what is read in another way may be somebody else's. @throws RowsAlteredError */
  rows<Row>(table: SealedTable, where: string, ...params: readonly SqlValue[]): Row[]
  /** Removes rows that somebody else has written. */
  discard(rows: readonly ForeignRow[]): void
  /** Seals every row anew, under another key-encryption key. */
  reseal(kek: KeyObject): void
  /** Called after the transaction is durable, before the writer's promise resolves; never when it failed. */
  afterCommit(callback: () => void): void
  leave<T>(stage: CommitStage<T>, item: T): void
}

interface Left {
  readonly stage: CommitStage<unknown>
  readonly item: unknown
}

/** Prepared statements by their text. The program has a fixed set of them, so nothing is ever dropped. */
class Statements {
  readonly #db: DatabaseSync
  readonly #prepared = new Map<string, StatementSync>()

  constructor(db: DatabaseSync) {
    this.#db = db
  }

  prepare(sql: string): StatementSync {
    const known = this.#prepared.get(sql)
    if (known) return known
    const statement = this.#db.prepare(sql)
    this.#prepared.set(sql, statement)
    return statement
  }
}

/** The only writer of a connection. `begin`, `runTask` and the end of a batch are the write queue's business. */
export class BatchWriter implements Writer {
  readonly #db: DatabaseSync
  readonly #statements: Statements
  readonly #sealer: Sealer
  #rows = 0
  #inSavepoint = false
  #left: Left[] = []
  #callbacks: (() => void)[] = []

  constructor(db: DatabaseSync, sealer: Sealer) {
    this.#db = db
    this.#statements = new Statements(db)
    this.#sealer = sealer
  }

  run(sql: string, ...params: readonly SqlValue[]): { readonly changes: number } {
    const { changes } = this.#statement(sql).run(...(params as SQLInputValue[]))
    this.#rows += Number(changes)
    return { changes: Number(changes) }
  }

  all<Row>(sql: string, ...params: readonly SqlValue[]): Row[] {
    return this.#statement(sql).all(...(params as SQLInputValue[])) as Row[]
  }

  get<Row>(sql: string, ...params: readonly SqlValue[]): Row | undefined {
    return this.#statement(sql).get(...(params as SQLInputValue[])) as Row | undefined
  }

  rows<Row>(table: SealedTable, where: string, ...params: readonly SqlValue[]): Row[] {
    const statement = asCells(this.#statement(this.#sealer.select(table, where)))
    return this.#sealer.rows(table, statement, params as SQLInputValue[])
  }

  discard(rows: readonly ForeignRow[]): void {
    this.#statement('SELECT 1') // opens the savepoint of this task
    this.#sealer.discard(rows)
    this.#rows += rows.length
  }

  reseal(kek: KeyObject): void {
    this.#statement('SELECT 1')
    const databaseId = randomBytes(ID_BYTES)
    this.#sealer.reseal(new SealKeys(kek, databaseId), databaseId)
    this.#rows++
  }

  afterCommit(callback: () => void): void {
    this.#callbacks.push(callback)
  }

  leave<T>(stage: CommitStage<T>, item: T): void {
    this.#left.push({ stage: stage as CommitStage<unknown>, item })
    this.#rows++
  }

  /** Rows changed since `begin`; the measure of a batch. */
  get changedRows(): number {
    return this.#rows
  }

  begin(): void {
    this.#rows = 0
    this.#left = []
    this.#callbacks = []
    this.#db.exec('BEGIN IMMEDIATE')
    this.#sealer.begin()
  }

  /** Runs one task by itself: what it did is undone when it throws, and only that. */
  runTask<T>(task: (writer: Writer) => T): T {
    const left = this.#left.length
    const callbacks = this.#callbacks.length
    try {
      const result = task(this)
      this.#sealer.sealTask()
      if (this.#inSavepoint) this.#statements.prepare('RELEASE task').run()
      return result
    } catch (error) {
      this.#left.length = left
      this.#callbacks.length = callbacks
      this.#sealer.dropTask()
      // A storage failure may have undone the whole transaction already; then there is no savepoint to go back to.
      if (this.#inSavepoint && this.#db.isTransaction) this.#db.exec('ROLLBACK TO task; RELEASE task')
      throw error
    } finally {
      this.#inSavepoint = false
    }
  }

  /** Writes what was left for stages and commits. Returns what to call now that it is durable. */
  commit(): () => void {
    const byStage = new Map<CommitStage<unknown>, unknown[]>()
    for (const { stage, item } of this.#left) {
      const items = byStage.get(stage)
      if (items) items.push(item)
      else byStage.set(stage, [item])
    }
    this.#inSavepoint = true // stages need none: they stand or fall with the batch
    try {
      for (const [stage, items] of byStage) stage.write(this, items)
      this.#sealer.sealTask()
    } finally {
      this.#inSavepoint = false
    }
    if (this.#rows > 0) this.#sealer.sealCommit()
    this.#db.exec('COMMIT')
    this.#sealer.committed()
    const callbacks = this.#callbacks
    return () => {
      for (const [stage, items] of byStage) stage.committed(items)
      for (const callback of callbacks) callback()
    }
  }

  rollback(): void {
    if (this.#db.isTransaction) this.#db.exec('ROLLBACK')
    this.#sealer.rolledBack()
  }

  #statement(sql: string): StatementSync {
    const statement = this.#statements.prepare(sql)
    if (!this.#inSavepoint) {
      this.#statements.prepare('SAVEPOINT task').run()
      this.#inSavepoint = true
    }
    return statement
  }
}
