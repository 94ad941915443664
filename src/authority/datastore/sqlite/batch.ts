import type { DatabaseSync } from 'node:sqlite'
import type { AuditChaining, Change, NewAuditRow, Transaction } from '../ports.ts'
import { ONLY_AUTHORITY } from '../seals/audit-end.ts'
import type { Sealer } from '../seals/sealer.ts'
import { SqliteTransaction } from './sqlite-transaction.ts'
import { Statements } from './statements.ts'

const INSERT_AUDIT_ROW =
  'INSERT INTO audit_events (authority, sequence, time_ms, event, actor, ref, detail, hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?)'

/** One commit of the writing connection: any number of tasks, then the audit rows of all of them. */
export class Batch {
  readonly #statements: Statements
  readonly #sealer: Sealer
  readonly #onChanges: (changes: readonly Change[]) => void
  #chaining: AuditChaining | undefined
  #events: NewAuditRow[] = []
  #changes: Change[] = []
  #callbacks: (() => void)[] = []
  #rows = 0

  constructor(db: DatabaseSync, sealer: Sealer, onChanges: (changes: readonly Change[]) => void) {
    this.#statements = new Statements(db)
    this.#sealer = sealer
    this.#onChanges = onChanges
  }

  /** Sets the chain that numbers and hashes audit rows. */
  chainWith(chaining: AuditChaining): void {
    this.#chaining = chaining
  }

  /** Rows changed since `begin`. */
  get rows(): number {
    return this.#rows
  }

  begin(): void {
    this.#events = []
    this.#changes = []
    this.#callbacks = []
    this.#rows = 0
    this.#statements.run('BEGIN IMMEDIATE')
    this.#sealer.begin()
  }

  /** Runs one task. When it fails, only its own changes are rolled back. */
  async run<T>(task: (tx: Transaction) => Promise<T>): Promise<T> {
    const { result, left } = await SqliteTransaction.run(task, this.#statements, this.#sealer)
    for (const event of left.events) this.#events.push(event)
    for (const change of left.changes) this.#changes.push(change)
    this.#callbacks.push(...left.callbacks)
    this.#rows += left.rows
    return result
  }

  append(events: readonly NewAuditRow[]): void {
    for (const event of events) this.#events.push(event)
    this.#rows += events.length
  }

  /**
   * Writes the audit rows and commits. Returns a function to call afterwards, which notifies the
   * listeners.
   */
  commit(): () => void {
    const chaining = this.#events.length > 0 ? this.#writeAuditRows() : undefined
    if (this.#rows > 0) this.#sealer.sealCommit()
    this.#statements.run('COMMIT')
    this.#sealer.committed()
    const [changes, callbacks] = [this.#changes, this.#callbacks]
    return () =>
      doAll([() => chaining?.committed(), ...callbacks, () => changes.length > 0 && this.#onChanges(changes)])
  }

  rollback(): void {
    if (this.#statements.isInTransaction) this.#statements.run('ROLLBACK')
    this.#sealer.rolledBack()
  }

  #writeAuditRows(): AuditChaining {
    const chaining = this.#chaining
    if (!chaining) throw new TypeError('no audit sink was opened')
    const insert = this.#statements.prepare(INSERT_AUDIT_ROW)
    for (const row of chaining.extend(this.#events)) {
      const { sequence, time_ms, event, actor, ref, detail, hash } = row
      insert.run(ONLY_AUTHORITY, sequence, time_ms, event, actor, ref, detail, hash)
    }
    return chaining
  }
}

/** Runs every step even when one throws, then throws the first error. */
function doAll(steps: readonly (() => unknown)[]): void {
  const errors: unknown[] = []
  for (const step of steps) {
    try {
      step()
    } catch (error) {
      errors.push(error)
    }
  }
  if (errors.length > 0) throw errors[0]
}
