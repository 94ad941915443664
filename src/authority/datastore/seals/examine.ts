import { hash } from 'node:crypto'
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { type Cell, fits, type SealKeys } from './seal-keys.ts'
import { columnsOf, KEY_COLUMNS, SEAL_COLUMN, SEALED_TABLES, type SealedTable } from './sealed-tables.ts'

/** A row that this authority did not write. It is not used. */
export interface ForeignRow {
  readonly table: SealedTable
  readonly rowid: bigint
  /**
   * The values of its key columns, for people to read. Cut to a bounded length, because anybody may
   * have written it.
   */
  readonly name: string
  /** The digest of its columns: all that is kept once the row is removed. */
  readonly sha256: string
}

export type PlainRow = Readonly<Record<string, string | number | Uint8Array | null>>

export interface Examined {
  /** Rows whose seal is valid. */
  readonly rows: ReadonlyMap<SealedTable, readonly PlainRow[]>
  readonly foreign: readonly ForeignRow[]
  readonly digest: Buffer
  /**
   * One sentence about a row that occurs more than once. The primary keys forbid that, so somebody
   * circumvented them. The digest cannot show it, because two equal shares cancel out.
   */
  readonly repeated: string | undefined
}

const MAX_NAME_LENGTH = 200

/** Reads every sealed row. With `keep` it also returns them, so that they need not be read again. */
export function examineRows(connection: DatabaseSync, keys: SealKeys, { keep }: { keep: boolean }): Examined {
  const rows = new Map<SealedTable, readonly PlainRow[]>()
  const foreign: ForeignRow[] = []
  const digest = Buffer.alloc(32)
  let repeated: string | undefined
  for (const table of SEALED_TABLES) {
    const columns = columnsOf(connection, table)
    if (columns.length === 0) continue
    const kept: PlainRow[] = []
    const seen = new Set<string>()
    for (const { cells, seal, rowid } of readRows(connection, table, columns)) {
      const tag = keys.tag(table, cells)
      if (!fits(tag, seal)) foreign.push(toForeign(table, columns, cells, rowid))
      else {
        addShare(digest, tag.share)
        if (keep) kept.push(toPlain(columns, cells))
        if (seen.size === seen.add(tag.seal.toString('latin1')).size) {
          const { name } = toForeign(table, columns, cells, rowid)
          repeated ??= `a row of ${table} (${name}) occurs more than once, so something other than this authority wrote it`
        }
      }
    }
    rows.set(table, kept)
  }
  return { rows, foreign, digest, repeated }
}

/** Seals every row for which `isOurs` is true under these keys. Returns the digest over them. */
export function resealRows(
  connection: DatabaseSync,
  keys: SealKeys,
  isOurs: (table: SealedTable, row: ReadRow, columns: readonly string[]) => boolean,
): Buffer {
  const digest = Buffer.alloc(32)
  for (const table of SEALED_TABLES) {
    const columns = columnsOf(connection, table)
    const update = connection.prepare(`UPDATE main.${table} SET ${SEAL_COLUMN} = ? WHERE rowid = ?`)
    for (const row of readRows(connection, table, columns)) {
      if (!isOurs(table, row, columns)) continue
      const tag = keys.tag(table, row.cells)
      update.run(tag.seal, row.rowid)
      addShare(digest, tag.share)
    }
  }
  return digest
}

interface ReadRow {
  readonly cells: readonly Cell[]
  readonly seal: unknown
  readonly rowid: bigint
}

function* readRows(
  connection: DatabaseSync,
  table: SealedTable,
  columns: readonly string[],
): Generator<ReadRow> {
  const statement = asCells(connection.prepare(selectSealed(table, columns)))
  for (const row of statement.all()) yield splitRow(row)
}

/** Makes a statement return rows as arrays with bigint integers, which takes half the time of objects. */
export function asCells(statement: StatementSync): StatementSync {
  statement.setReadBigInts(true)
  statement.setReturnArrays(true)
  return statement
}

/** Selects the rowid, then the columns, then the seal. */
export function selectSealed(table: SealedTable, columns: readonly string[]): string {
  return `SELECT rowid AS "the rowid", ${[...columns, SEAL_COLUMN].map(quote).join(', ')} FROM main.${table}`
}

export function splitRow(row: unknown): ReadRow {
  const values = row as readonly Cell[]
  return { rowid: values[0] as bigint, cells: values.slice(1, -1), seal: values.at(-1) }
}

/** The row as a statement without bigint integers would return it. */
export function toPlain(columns: readonly string[], cells: readonly Cell[]): PlainRow {
  const row: Record<string, string | number | Uint8Array | null> = {}
  for (let index = 0; index < columns.length; index += 1) {
    const cell = cells[index] ?? null
    row[columns[index] as string] = typeof cell === 'bigint' ? Number(cell) : cell
  }
  return row
}

/** Adds a share by XOR, so adding it twice removes it. */
export function addShare(digest: Buffer, share: Uint8Array): void {
  for (let at = 0; at < share.length; at += 1) digest[at] = (digest[at] ?? 0) ^ (share[at] ?? 0)
}

export function toForeign(
  table: SealedTable,
  columns: readonly string[],
  cells: readonly Cell[],
  rowid: bigint,
): ForeignRow {
  const row = toPlain(columns, cells)
  const name = KEY_COLUMNS[table].map((column) => String(row[column])).join(' ')
  const shown = cells.map((cell) =>
    cell instanceof Uint8Array ? Buffer.from(cell).toString('hex') : String(cell),
  )
  return {
    table,
    rowid,
    name: name.slice(0, MAX_NAME_LENGTH),
    sha256: hash('sha256', JSON.stringify(shown), 'hex'),
  }
}

export function describeForeign({ table, name }: ForeignRow): string {
  return `a row of ${table} (${name}) was not written by this authority`
}

export function quote(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}
