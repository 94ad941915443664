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
 * What is known of this data directory from outside its database: nothing yet; that it is of the time before
 * rows were sealed, which only a file that this authority has sealed itself can say; or that its rows are
 * sealed.
 */
export type Past = 'none' | 'before_seals' | 'sealed'

export interface OpenOptions {
  readonly kek: KeyObject
  /** Where the key came from, for people: `/etc/signet/kek` or `$SIGNET_KEK`. */
  readonly keySource: string
  readonly past: Past
  /** Somebody has looked at what was found, and wants to go on with it. */
  readonly acceptAltered: boolean
}

export interface Opened {
  readonly record: StateRecord
  readonly sum: Sum
  readonly rows: Examined['rows']
  readonly finding: Finding
  /** What has been sealed as it stood: once, by the first version that seals. */
  readonly adopted: { readonly rows: number } | undefined
  /** What was wrong and has been accepted. */
  readonly accepted: readonly string[]
}

const MAX_NAMED = 10

/**
 * Brings a database into the hands of this program, inside one transaction: all of what is found is decided
 * before anything is written.
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
  const told = found || isFresh ? undefined : expectedState(connection)
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
    if (!isStrange && (!told || isTold(told, table, toPlain(columns, row.cells)))) {
      sealed++
      return true
    }
    // With the columns that it has by now: it is only removed as it was found.
    foreign.push(toForeign(table, columns, row.cells, row.rowid))
    return false
  })
  const record = newRecord(connection, keys, databaseId, digest, found?.record.commits ?? 0)
  connection.prepare(WRITE_RECORD).run(...recordValues(record, keys))
  const { rows } = examineOpened(connection, keys)
  const adopted = told ? { rows: sealed } : undefined
  const finding = { foreign, problems: found?.auditProblems ?? [] }
  return { record, sum: { keys, databaseId, digest }, rows, finding, adopted, accepted }
}

interface Stored {
  readonly record: StateRecord
  readonly keys: SealKeys
  readonly examined: Examined
  /** Why trust would be lost by going on. */
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
      'the seal of the database is not of this authority: somebody else has written it; restore the database from a backup',
    )
  }
  const strange = strangeDefinitions(connection)
  if (strange.length > 0 || !schemaSha256(connection).equals(record.schemaSha256)) {
    const which = strange.length > 0 ? `drop ${strange.join(', ')}` : 'restore it from a backup'
    throw new DatastoreAlteredError(
      `somebody else has changed the definition of the tables in the database: ${which}`,
    )
  }
  const examined = examineOpened(connection, keys)
  const problems: string[] = []
  if (!Buffer.from(record.rows).equals(macOfRows(examined.digest, keys))) {
    const missing = namesOfMissing(expectedState(connection), examined.rows)
    const named = missing.slice(0, MAX_NAMED).join(', ')
    const more = missing.length > MAX_NAMED ? ` and ${missing.length - MAX_NAMED} more` : ''
    problems.push(
      `rows were deleted or set back by somebody else: ${missing.length > 0 ? named + more : 'the audit log does not tell which'}`,
    )
  }
  return { record, keys, examined, problems, auditProblems: new AuditEndCheck(connection).examine(record) }
}

/** @throws DatastoreAlteredError when a row stands there more than once: its table is damaged, too */
function examineOpened(connection: DatabaseSync, keys: SealKeys): Examined {
  const examined = examineRows(connection, keys, { keep: true })
  if (examined.repeated === undefined) return examined
  throw new DatastoreAlteredError(`${examined.repeated}; restore the database from a backup`)
}

function refuseUnlessNew(connection: DatabaseSync, isFresh: boolean, past: Past): void {
  if (isFresh && past !== 'sealed') return
  if (isFresh) {
    throw new DatastoreAlteredError(
      'the database of this data directory is gone: restore it from a backup, or remove audit-head.key and audit-heads.jsonl, too, to begin a new trust domain',
    )
  }
  if (past !== 'before_seals') {
    throw new DatastoreAlteredError(
      'the seals of the database are gone: somebody else has written it; restore it from a backup, together with audit-head.key',
    )
  }
  const strange = strangeDefinitions(connection)
  if (strange.length > 0) {
    throw new DatastoreAlteredError(
      `somebody else has changed the definition of the tables in the database: drop ${strange.join(', ')}`,
    )
  }
}

/** Accepted is also a counter that is gone or set back: it goes on above every revision that there is. Gives its rowid. */
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

/** Rows of the time before seals are taken over when the audit log tells of them. */
function isTold(told: ExpectedState, table: SealedTable, row: ReturnType<typeof toPlain>): boolean {
  if (table === 'resources')
    return told.resources.get(`${row['kind']} ${row['name']}`) === String(row['revision'])
  if (table === 'signing_keys') return told.keys.has(String(row['id']))
  if (table === 'bot_instances') return told.instances.get(String(row['id'])) === row['bot_name']
  if (table === 'bot_generations') return told.instances.has(String(row['instance_id']))
  if (table === 'join_tokens') return told.resources.has(`join_token ${row['name']}`)
  if (table === 'join_token_uses') return told.resources.has(`join_token ${row['token_name']}`)
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
