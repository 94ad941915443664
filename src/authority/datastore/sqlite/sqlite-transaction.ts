import { type KeyObject, randomBytes } from 'node:crypto'
import type { SQLInputValue } from 'node:sqlite'
import type { Kysely, QueryResult } from 'kysely'
import type { Change, NewAuditRow, Transaction, Where } from '../ports.ts'
import type { Row, Schema } from '../schema.ts'
import { asCells, type ForeignRow, quote } from '../seals/examine.ts'
import { SealKeys } from '../seals/seal-keys.ts'
import type { SealedTable } from '../seals/sealed-tables.ts'
import type { Sealer } from '../seals/sealer.ts'
import { ID_BYTES } from '../seals/state-record.ts'
import { queriesOver } from './connections.ts'
import type { Statements } from './statements.ts'

const STALLED = 'a transaction awaits something other than its own statements'

/** What a task adds to the commit. */
interface Left {
  readonly events: readonly NewAuditRow[]
  readonly changes: readonly Change[]
  readonly callbacks: readonly (() => void)[]
  /** Rows changed, audit rows included. A batch is limited by them. */
  readonly rows: number
}

/** One task inside the open SQLite transaction, in its own savepoint. */
export class SqliteTransaction implements Transaction {
  readonly db: Kysely<Schema>
  readonly #statements: Statements
  readonly #sealer: Sealer
  readonly #events: NewAuditRow[] = []
  readonly #changes: Change[] = []
  readonly #callbacks: (() => void)[] = []
  #rows = 0
  #inSavepoint = false
  #ended = false
  #failure: { readonly error: unknown } | undefined

  private constructor(statements: Statements, sealer: Sealer) {
    this.#statements = statements
    this.#sealer = sealer
    this.db = queriesOver((sql, params) => this.#execute(sql, params))
  }

  static async run<T>(
    task: (tx: Transaction) => Promise<T>,
    statements: Statements,
    sealer: Sealer,
  ): Promise<{ readonly result: T; readonly left: Left }> {
    const tx = new SqliteTransaction(statements, sealer)
    return { result: await tx.#run(task), left: tx.#left() }
  }

  async rows<Table extends SealedTable>(table: Table, where: Where<Row<Table>> = {}): Promise<Row<Table>[]> {
    return this.#guarded(() => {
      const conditions: string[] = []
      const params: SQLInputValue[] = []
      for (const [column, value] of Object.entries(where) as [string, SQLInputValue | { above: number }][]) {
        const isAbove = typeof value === 'object' && value !== null && 'above' in value
        conditions.push(`${quote(column)} ${isAbove ? '>' : '='} ?`)
        params.push(isAbove ? value.above : value)
      }
      const text = conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`
      const statement = asCells(this.#statements.prepare(this.#sealer.select(table, text)))
      return this.#sealer.rows<Row<Table>>(table, statement, params)
    })
  }

  append(event: NewAuditRow): void {
    this.#events.push(event)
  }

  changed(change: Change): void {
    this.#changes.push(change)
  }

  afterCommit(callback: () => void): void {
    this.#callbacks.push(callback)
  }

  discard(rows: readonly ForeignRow[]): void {
    this.#guarded(() => {
      this.#sealer.discard(rows)
      this.#rows += rows.length
    })
  }

  reseal(kek: KeyObject): void {
    this.#guarded(() => {
      const databaseId = randomBytes(ID_BYTES)
      this.#sealer.reseal(new SealKeys(kek, databaseId), databaseId)
      this.#rows++
    })
  }

  async #run<T>(task: (tx: Transaction) => Promise<T>): Promise<T> {
    try {
      const result = await unlessStalled(task(this))
      if (this.#failure) throw this.#failure.error
      this.#sealer.sealTask()
      if (this.#inSavepoint) this.#statements.run('RELEASE task')
      return result
    } catch (error) {
      this.#sealer.dropTask()
      // After a storage failure SQLite may have rolled back the whole transaction, and the savepoint
      // with it.
      if (this.#inSavepoint && this.#statements.isInTransaction) {
        this.#statements.run('ROLLBACK TO task')
        this.#statements.run('RELEASE task')
      }
      throw error
    } finally {
      this.#ended = true
    }
  }

  #left(): Left {
    const events = this.#events
    return { events, changes: this.#changes, callbacks: this.#callbacks, rows: this.#rows + events.length }
  }

  #execute(sql: string, params: readonly SQLInputValue[]): QueryResult<unknown> {
    return this.#guarded(() => {
      const statement = this.#statements.prepare(sql)
      if (statement.columns().length > 0) {
        const rows = statement.all(...params)
        this.#rows += rows.length
        return { rows }
      }
      const { changes } = statement.run(...params)
      this.#rows += Number(changes)
      return { rows: [], numAffectedRows: BigInt(changes) }
    })
  }

  /**
   * Runs one statement of the task. Opens the savepoint before the first one, and remembers the first
   * failure.
   */
  #guarded<T>(statement: () => T): T {
    if (this.#ended) throw new TypeError('the transaction has ended: everything it does must be awaited')
    try {
      if (!this.#inSavepoint) this.#statements.run('SAVEPOINT task')
      this.#inSavepoint = true
      return statement()
    } catch (error) {
      this.#failure ??= { error }
      throw error
    }
  }
}

/**
 * Rejects when the task does not end within this turn of the event loop. SQLite runs statements
 * synchronously, so a task that awaits only its own statements does end. A task that awaits something
 * else would block all others.
 */
function unlessStalled<T>(task: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const turn = setImmediate(() => reject(new TypeError(STALLED)))
    task.then(resolve, reject).finally(() => clearImmediate(turn))
  })
}
