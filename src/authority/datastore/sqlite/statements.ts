import type { DatabaseSync, StatementSync } from 'node:sqlite'

/**
 * The prepared statements of one connection, by SQL text. The set of texts is fixed, so none is ever
 * dropped.
 */
export class Statements {
  readonly #db: DatabaseSync
  readonly #prepared = new Map<string, StatementSync>()

  constructor(db: DatabaseSync) {
    this.#db = db
  }

  get isInTransaction(): boolean {
    return this.#db.isTransaction
  }

  prepare(sql: string): StatementSync {
    const known = this.#prepared.get(sql)
    if (known) return known
    const statement = this.#db.prepare(sql)
    this.#prepared.set(sql, statement)
    return statement
  }

  run(sql: string): void {
    this.prepare(sql).run()
  }
}
