import { type KeyObject, randomBytes } from 'node:crypto'
import type { DatabaseSync } from 'node:sqlite'
import { DatastoreAlteredError } from '../errors.ts'
import { REVISION } from '../revisions.ts'
import { AuditEndCheck } from './audit-end.ts'
import { type Examined, examineRows, type ForeignRow, resealRows, toForeign, toPlain } from './examine.ts'
import { type ExpectedState, expectedState, namesOfMissing } from './expected-state.ts'
import { keyCheckOf, sealKeyCheck } from './key-check.ts'
import { SealKeys } from './seal-keys.ts'
import type { SealedTable } from './sealed-tables.ts'
import type { Finding, Sum } from './sealer.ts'
import {
  hasTable,
  ID_BYTES,
  isGenuine,
  macOfRows,
  readRecord,
  recordValues,
  type StateRecord,
  schemaSha256,
  strangeDefinitions,
  WRITE_RECORD,
} from './state-record.ts'

/**
 * What files outside the database say about it. `none`: nothing yet. `before_seals`: its rows may
 * still be unsealed; only a file that this authority sealed can say so. `sealed`: its rows are
 * sealed.
 */
export type Past = 'none' | 'before_seals' | 'sealed'

interface OpenOptions {
  readonly kek: KeyObject
  /** Where the key came from, for messages: `/etc/signet/kek` or `$SIGNET_KEK`. */
  readonly keySource: string
  readonly past: Past
  /** The operator has looked at the findings and wants to go on with this database. */
  readonly acceptAltered: boolean
}

export interface Opened {
  readonly record: StateRecord
  readonly sum: Sum
  readonly rows: Examined['rows']
  readonly finding: Finding
  /** The number of rows that were sealed as they stood, which the first version with seals does once. */
  readonly adopted: { readonly rows: number } | undefined
  /** Problems that were found and that the operator accepted. */
  readonly accepted: readonly string[]
}

const MAX_NAMED = 10

/**
 * Checks a database and brings it up to date inside one open transaction. Everything is checked
 * before anything is written.
 * @throws DatastoreAlteredError when the database is not as this authority left it
 * @throws WrongSealingKeyError
 */
export async function openSealed(
  connection: DatabaseSync,
  options: OpenOptions,
  migrate: () => Promise<boolean>,
): Promise<Opened> {
  const isFresh = !hasTable(connection, 'meta')
  if (!isFresh) keyCheckOf(connection, options)
  const found = isFresh ? undefined : examineStored(connection, options)
  if (!found) refuseUnlessNew(connection, isFresh, options.past)
  const recorded = found || isFresh ? undefined : expectedState(connection)
  const accepted = found?.problems ?? []
  if (accepted.length > 0 && !options.acceptAltered) throw new DatastoreAlteredError(refusal(accepted))
  const migrated = await migrate()
  if (found && !migrated && accepted.length === 0) {
    const { record, keys, examined } = found
    return { ...opened(found), record, sum: { keys, databaseId: record.databaseId, digest: examined.digest } }
  }
  const databaseId = found?.record.databaseId ?? randomBytes(ID_BYTES)
  const keys = found?.keys ?? new SealKeys(options.kek, databaseId)
  if (!found) sealKeyCheck(connection, options.kek)
  const strange = new Set((found?.examined.foreign ?? []).map(({ table, rowid }) => `${table} ${rowid}`))
  if (found && accepted.length > 0) strange.delete(`meta ${raiseCounter(connection, found.examined.rows)}`)
  const foreign: ForeignRow[] = []
  let sealed = 0
  const digest = resealRows(connection, keys, (table, row, columns) => {
    const isStrange = strange.has(`${table} ${row.rowid}`)
    if (!isStrange && (!recorded || isRecorded(recorded, table, toPlain(columns, row.cells)))) {
      sealed++
      return true
    }
    // Described with the columns that it has after the migration, because it is removed only if it is
    // still the same.
    foreign.push(toForeign(table, columns, row.cells, row.rowid))
    return false
  })
  const record = newRecord(connection, keys, databaseId, digest, found?.record.commits ?? 0)
  connection.prepare(WRITE_RECORD).run(...recordValues(record, keys))
  const { rows } = examineOpened(connection, keys)
  const adopted = recorded ? { rows: sealed } : undefined
  const finding = { foreign, problems: found?.auditProblems ?? [] }
  return { record, sum: { keys, databaseId, digest }, rows, finding, adopted, accepted }
}

interface Stored {
  readonly record: StateRecord
  readonly keys: SealKeys
  readonly examined: Examined
  /** Why it is not safe to go on with this database. */
  readonly problems: readonly string[]
  readonly auditProblems: readonly string[]
}

function opened({ examined, auditProblems }: Stored): Omit<Opened, 'record' | 'sum'> {
  const { rows, foreign } = examined
  return { rows, finding: { foreign, problems: auditProblems }, adopted: undefined, accepted: [] }
}

function examineStored(connection: DatabaseSync, options: OpenOptions): Stored | undefined {
  const stored = readRecord(connection)
  if (!stored) return undefined
  const { record } = stored
  const keys = new SealKeys(options.kek, record.databaseId)
  if (!isGenuine(stored, keys)) {
    throw new DatastoreAlteredError(
      'the seal of the database was not made by this authority; restore the database from a backup',
    )
  }
  const strange = strangeDefinitions(connection)
  if (strange.length > 0 || !schemaSha256(connection).equals(record.schemaSha256)) {
    const which = strange.length > 0 ? `drop ${strange.join(', ')}` : 'restore it from a backup'
    throw new DatastoreAlteredError(
      `the table definitions in the database were changed from outside: ${which}`,
    )
  }
  const examined = examineOpened(connection, keys)
  const problems: string[] = []
  if (!Buffer.from(record.rows).equals(macOfRows(examined.digest, keys))) {
    const missing = namesOfMissing(expectedState(connection), examined.rows)
    const named = missing.slice(0, MAX_NAMED).join(', ')
    const more = missing.length > MAX_NAMED ? ` and ${missing.length - MAX_NAMED} more` : ''
    problems.push(
      `rows were deleted or reverted from outside: ${missing.length > 0 ? named + more : 'the audit log does not say which'}`,
    )
  }
  return { record, keys, examined, problems, auditProblems: new AuditEndCheck(connection).examine(record) }
}

/** @throws DatastoreAlteredError when a row occurs more than once, which means that its table is damaged */
function examineOpened(connection: DatabaseSync, keys: SealKeys): Examined {
  const examined = examineRows(connection, keys, { keep: true })
  if (examined.repeated === undefined) return examined
  throw new DatastoreAlteredError(`${examined.repeated}; restore the database from a backup`)
}

/** Why no database is created beside the signed heads of an older one. */
export function databaseGone(): DatastoreAlteredError {
  return new DatastoreAlteredError(
    'the database of this data directory is gone: restore it from a backup, or remove audit-head.key and audit-heads.jsonl, too, to begin a new trust domain',
  )
}

function refuseUnlessNew(connection: DatabaseSync, isFresh: boolean, past: Past): void {
  if (isFresh && past !== 'sealed') return
  if (isFresh) throw databaseGone()
  if (past !== 'before_seals') {
    throw new DatastoreAlteredError(
      'the seals of the database are gone; restore it from a backup, together with audit-head.key',
    )
  }
  const strange = strangeDefinitions(connection)
  if (strange.length > 0) {
    throw new DatastoreAlteredError(
      `the table definitions in the database were changed from outside: drop ${strange.join(', ')}`,
    )
  }
}

/**
 * Restores a revision counter that was deleted or set back: it continues above every stored revision.
 * Called once the operator has accepted the database. Returns the counter's rowid.
 */
function raiseCounter(connection: DatabaseSync, rows: Examined['rows']): number | bigint {
  const counter = rows.get('meta')?.find(({ key }) => key === REVISION)
  let highest = Number(counter?.['value'] ?? 0)
  for (const table of rows.values()) {
    for (const { revision } of table) highest = Math.max(highest, Number(revision ?? 0))
  }
  connection.prepare('DELETE FROM main.meta WHERE key = ?').run(REVISION)
  const insert = connection.prepare('INSERT INTO main.meta (key, value) VALUES (?, ?)')
  return insert.run(REVISION, String(highest)).lastInsertRowid
}

function refusal(problems: readonly string[]): string {
  return `the database is not as this authority left it: ${problems.join('; ')}. Restore it from a backup, or look at what is there and start once with --accept-altered-database`
}

/**
 * Whether the audit log records this row. Rows from before seals existed are taken over only if it
 * does.
 */
function isRecorded(expected: ExpectedState, table: SealedTable, row: ReturnType<typeof toPlain>): boolean {
  if (table === 'resources')
    return expected.resources.get(`${row['kind']} ${row['name']}`) === String(row['revision'])
  if (table === 'signing_keys') return expected.keys.has(String(row['id']))
  if (table === 'bot_instances') return expected.instances.get(String(row['id'])) === row['bot_name']
  if (table === 'bot_generations') return expected.instances.has(String(row['instance_id']))
  if (table === 'join_tokens') return expected.resources.has(`join_token ${row['name']}`)
  if (table === 'join_token_uses') return expected.resources.has(`join_token ${row['token_name']}`)
  return true
}

function newRecord(
  connection: DatabaseSync,
  keys: SealKeys,
  databaseId: Uint8Array,
  digest: Buffer,
  commits: number,
): StateRecord {
  const end = new AuditEndCheck(connection).end()
  return {
    databaseId,
    commits: commits + 1,
    rows: macOfRows(digest, keys),
    auditSequence: end.sequence,
    auditHash: end.hash,
    schemaSha256: schemaSha256(connection),
  }
}
