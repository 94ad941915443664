import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite'
import { RowsAlteredError } from '../errors.ts'
import { AuditEndCheck } from './audit-end.ts'
import {
  addShare,
  asCells,
  examineRows,
  type ForeignRow,
  quote,
  resealRows,
  selectSealed,
  splitRow,
  toForeign,
  toPlain,
} from './examine.ts'
import { type Cell, fits, type SealKeys } from './seal-keys.ts'
import { columnsOf, SEAL_COLUMN, SEALED_TABLES, type SealedTable } from './sealed-tables.ts'
import { macOfRows, recordValues, type StateRecord, schemaSha256, WRITE_RECORD } from './state-record.ts'

/** Changes of the database that this authority did not make. */
export interface Finding {
  /** Rows that are not used and will be removed. */
  readonly foreign: readonly ForeignRow[]
  /** One sentence for each problem that cannot be repaired here. */
  readonly problems: readonly string[]
}

interface Touched {
  readonly table: SealedTable
  readonly rowid: bigint
  /** The share of the row before the change; undefined when there was no row. */
  readonly share: Buffer | undefined
}

/** The digest over all rows, and the keys that it was made with. Never modified, only replaced. */
export interface Sum {
  readonly keys: SealKeys
  readonly databaseId: Uint8Array
  readonly digest: Buffer
}

interface TableStatements {
  readonly columns: readonly string[]
  readonly find: StatementSync
  readonly seal: StatementSync
}

const ALTERED =
  'rows of the database were deleted or reverted from outside: nothing that grants or revokes trust can change until the authority is restarted'

/**
 * Seals what one connection writes. Temporary triggers, which exist on this connection only, report
 * each row that changes, cascades included. At the end of each task the changed rows get their seals,
 * and each commit writes the record that seals them as a whole. A row whose seal is not valid cannot
 * be changed into one whose seal is.
 */
export class Sealer {
  readonly #connection: DatabaseSync
  readonly #statements = new Map<SealedTable, TableStatements>()
  readonly #writeRecord: StatementSync
  readonly #audit: AuditEndCheck
  readonly #dataVersion: StatementSync
  readonly #onFinding: (finding: Finding) => void
  #record: StateRecord
  #nextRecord: StateRecord
  #committed: Sum
  /** Includes the changes of the open transaction's tasks. */
  #sum: Sum
  #taskStart: Sum
  #touched = new Map<string, Touched>()
  #changedTables = new Set<SealedTable>()
  #version: number
  #nextVersion: number
  #quiet = false
  #lenient = false
  #altered: string | undefined

  constructor(
    connection: DatabaseSync,
    opened: { readonly record: StateRecord; readonly sum: Sum },
    onFinding: (finding: Finding) => void,
  ) {
    this.#connection = connection
    this.#record = opened.record
    this.#nextRecord = opened.record
    this.#committed = opened.sum
    this.#sum = opened.sum
    this.#taskStart = opened.sum
    this.#onFinding = onFinding
    for (const table of SEALED_TABLES) this.#prepare(table)
    this.#listen()
    this.#writeRecord = connection.prepare(WRITE_RECORD)
    this.#audit = new AuditEndCheck(connection)
    this.#dataVersion = connection.prepare('PRAGMA main.data_version')
    this.#version = this.#readVersion()
    this.#nextVersion = this.#version
  }

  /** How many durable commits there were. */
  get commits(): number {
    return this.#record.commits
  }

  /** Why sealed rows cannot be changed now; undefined when they can. */
  get altered(): string | undefined {
    return this.#altered
  }

  /** Whether this connection has changed the table since it was opened. */
  hasChanged(table: SealedTable): boolean {
    return this.#changedTables.has(table)
  }

  /**
   * Call this when a transaction begins. If other connections have committed since the last one, it
   * examines their changes before anything depends on them.
   */
  begin(): void {
    const version = this.#readVersion()
    if (version === this.#version) return
    const finding = this.examine()
    this.#nextVersion = version
    if (finding.foreign.length + finding.problems.length > 0) this.#onFinding(finding)
  }

  /** Reads rows of a sealed table and checks their seals. @throws RowsAlteredError */
  rows<Row>(table: SealedTable, statement: StatementSync, params: readonly SQLInputValue[]): Row[] {
    const { columns } = this.#of(table)
    return statement.all(...params).map((row) => {
      const { cells, seal, rowid } = splitRow(row)
      if (!this.#touched.has(keyOf(table, rowid))) this.#check(table, cells, seal)
      return toPlain(columns, cells) as Row
    })
  }

  /** The SQL text of a query for `rows`. */
  select(table: SealedTable, where: string): string {
    return `${selectSealed(table, this.#of(table).columns)} ${where}`
  }

  /** Seals the rows that the task changed. */
  sealTask(): void {
    if (this.#touched.size > 0) {
      const { keys, databaseId } = this.#sum
      const digest = Buffer.from(this.#sum.digest)
      this.#quietly(() => {
        for (const touched of this.#touched.values()) this.#seal(touched, keys, digest)
      })
      this.#touched.clear()
      this.#sum = { keys, databaseId, digest }
    }
    this.#taskStart = this.#sum
  }

  /** Forgets the changes of a task that was rolled back. */
  dropTask(): void {
    this.#touched.clear()
    this.#sum = this.#taskStart
  }

  /** Writes the record of the state. Call it right before COMMIT. */
  sealCommit(): void {
    const { sequence, hash } = this.#audit.end()
    const { keys, databaseId, digest } = this.#sum
    this.#nextRecord = {
      ...this.#record,
      databaseId,
      commits: this.#record.commits + 1,
      rows: this.#sum === this.#committed ? this.#record.rows : macOfRows(digest, keys),
      auditSequence: sequence,
      auditHash: hash,
    }
    this.#writeRecord.run(...recordValues(this.#nextRecord, keys))
  }

  committed(): void {
    this.#record = this.#nextRecord
    this.#committed = this.#sum
    this.#version = this.#nextVersion
  }

  rolledBack(): void {
    this.#touched.clear()
    this.#sum = this.#committed
    this.#taskStart = this.#committed
    this.#nextRecord = this.#record
    this.#nextVersion = this.#version
  }

  /**
   * Compares the whole database with what this connection wrote. Call it inside a transaction,
   * between tasks. @throws RowsAlteredError
   */
  examine(): Finding {
    if (!schemaSha256(this.#connection).equals(this.#record.schemaSha256)) {
      throw new RowsAlteredError(
        'the table definitions in the database were changed from outside: nothing more is stored; stop the authority and look at the database',
      )
    }
    const problems: string[] = []
    const { foreign, digest, repeated } = examineRows(this.#connection, this.#sum.keys, { keep: false })
    if (repeated !== undefined) {
      throw new RowsAlteredError(
        `${repeated}; nothing more is stored; stop the authority and restore the database from a backup`,
      )
    }
    this.#altered = digest.equals(this.#sum.digest) ? undefined : ALTERED
    if (this.#altered) problems.push(this.#altered)
    problems.push(...this.#audit.examine(this.#record))
    return { foreign, problems }
  }

  /** Removes foreign rows that are still as they were found. Call it in a task of its own. */
  discard(rows: readonly ForeignRow[]): void {
    this.#lenient = true
    try {
      for (const row of rows) {
        const { columns, find } = this.#of(row.table)
        const found = find.get(row.rowid)
        if (!found) continue
        const { cells, seal } = splitRow(found)
        const isStill = toForeign(row.table, columns, cells, row.rowid).sha256 === row.sha256
        if (!isStill || fits(this.#sum.keys.tag(row.table, cells), seal)) continue
        this.#connection.prepare(`DELETE FROM main.${row.table} WHERE rowid = ?`).run(row.rowid)
      }
    } finally {
      this.#lenient = false
    }
  }

  /**
   * Seals every row again under keys from another key-encryption key; rows with an invalid seal stay
   * as they are. Somebody may have written to the file without SQLite, which then reports no change.
   * So the digest is compared, lest a deleted or reverted row be sealed over.
   *
   * @throws RowsAlteredError
   */
  reseal(keys: SealKeys, databaseId: Uint8Array): void {
    this.sealTask()
    const old = this.#sum
    const found = Buffer.alloc(old.digest.length)
    this.#quietly(() => {
      const digest = resealRows(this.#connection, keys, (table, row) => {
        const tag = old.keys.tag(table, row.cells)
        if (!fits(tag, row.seal)) return false
        addShare(found, tag.share)
        return true
      })
      this.#sum = { keys, databaseId, digest }
    })
    if (found.equals(old.digest)) return
    this.#altered = ALTERED
    throw new RowsAlteredError(ALTERED)
  }

  #seal({ table, rowid, share }: Touched, keys: SealKeys, digest: Buffer): void {
    const { find, seal } = this.#of(table)
    const found = find.get(rowid)
    if (share) addShare(digest, share)
    if (!found) return
    const tag = keys.tag(table, splitRow(found).cells)
    seal.run(tag.seal, rowid)
    addShare(digest, tag.share)
  }

  #check(table: SealedTable, cells: readonly Cell[], seal: unknown): Buffer {
    const tag = this.#sum.keys.tag(table, cells)
    if (fits(tag, seal)) return tag.share
    const { name } = toForeign(table, this.#of(table).columns, cells, 0n)
    throw new RowsAlteredError(`a row of ${table} (${name}) was not written by this authority`)
  }

  /**
   * Called by the triggers. `old` is the row before the change, seal included; it is empty for an
   * insert.
   */
  #note(table: SealedTable, rowid: bigint, old: readonly Cell[]): void {
    if (this.#quiet) return
    if (this.#lenient) {
      if (!fits(this.#sum.keys.tag(table, old.slice(0, -1)), old.at(-1))) return
    } else if (this.#altered !== undefined) throw new RowsAlteredError(this.#altered)
    this.#changedTables.add(table)
    const key = keyOf(table, rowid)
    if (this.#touched.has(key)) return
    const share = old.length === 0 ? undefined : this.#check(table, old.slice(0, -1), old.at(-1))
    this.#touched.set(key, { table, rowid, share })
  }

  #quietly(task: () => void): void {
    this.#quiet = true
    try {
      task()
    } finally {
      this.#quiet = false
    }
  }

  #prepare(table: SealedTable): void {
    const columns = columnsOf(this.#connection, table)
    const find = asCells(this.#connection.prepare(`${selectSealed(table, columns)} WHERE rowid = ?`))
    const seal = this.#connection.prepare(`UPDATE main.${table} SET ${SEAL_COLUMN} = ? WHERE rowid = ?`)
    this.#statements.set(table, { columns, find, seal })
  }

  #listen(): void {
    const options = { varargs: true, useBigIntArguments: true } as const
    this.#connection.function('signet_row_changes', options, (table, rowid, ...old) => {
      this.#note(table as SealedTable, rowid as bigint, old as Cell[])
      return null
    })
    for (const [table, { columns }] of this.#statements) {
      const old = [...columns, SEAL_COLUMN].map((column) => `OLD.${quote(column)}`).join(', ')
      const trigger = (when: string, row: string): string =>
        `CREATE TEMP TRIGGER signet_${when}_${table} AFTER ${when} ON main.${table}
         BEGIN SELECT signet_row_changes('${table}', ${row}); END;`
      this.#connection.exec(
        trigger('INSERT', 'NEW.rowid') +
          trigger('UPDATE', `OLD.rowid, ${old}`) +
          trigger('DELETE', `OLD.rowid, ${old}`),
      )
    }
  }

  #of(table: SealedTable): TableStatements {
    const statements = this.#statements.get(table)
    if (!statements) throw new TypeError(`${table} is not a sealed table`)
    return statements
  }

  #readVersion(): number {
    return (this.#dataVersion.get() as { data_version: number }).data_version
  }
}

function keyOf(table: SealedTable, rowid: bigint): string {
  return `${table} ${rowid}`
}
