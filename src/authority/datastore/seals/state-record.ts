import { hash } from 'node:crypto'
import type { DatabaseSync } from 'node:sqlite'
import { type SealKeys, sameBytes } from './seal-keys.ts'

/**
 * The one statement that holds all rows together: it changes with each commit, so that no row can be deleted
 * or set back, and no row of the audit log cut off, without this one going back with it.
 */
export interface StateRecord {
  readonly databaseId: Uint8Array
  /** How many commits there have been; heads of the audit log say it, too. */
  readonly commits: number
  /** A MAC over the digest of all sealed rows. */
  readonly rows: Uint8Array
  /** The last row of the audit log; 0 = none. */
  readonly auditSequence: number
  readonly auditHash: Uint8Array
  /** Of the definitions of tables and indices: a trigger that somebody adds would write in our name. */
  readonly schemaSha256: Uint8Array
}

/** Of the id that keeps two databases under one key apart. */
export const ID_BYTES = 16
const HASH_BYTES = 32
const STATE = Buffer.from('state\n')
const ROWS = Buffer.from('rows\n')

interface Row {
  readonly database_id: unknown
  readonly commits: unknown
  readonly rows: unknown
  readonly audit_sequence: unknown
  readonly audit_hash: unknown
  readonly schema_sha256: unknown
  readonly mac: unknown
}

export interface StoredRecord {
  readonly record: StateRecord
  readonly mac: Uint8Array
}

/** Undefined when there is none that could be genuine. */
export function readRecord(connection: DatabaseSync): StoredRecord | undefined {
  if (!hasTable(connection, 'sealed_state')) return undefined
  const row = connection.prepare('SELECT * FROM main.sealed_state WHERE id = 1').get() as Row | undefined
  const { database_id, commits, rows, audit_sequence, audit_hash, schema_sha256, mac } = row ?? {}
  if (typeof commits !== 'number' || typeof audit_sequence !== 'number') return undefined
  if (!Number.isSafeInteger(commits) || !Number.isSafeInteger(audit_sequence)) return undefined
  if (!isBytes(database_id, ID_BYTES) || !isBytes(rows, HASH_BYTES)) return undefined
  if (!isBytes(schema_sha256, HASH_BYTES) || !isBytes(audit_hash) || !isBytes(mac)) return undefined
  const record = {
    databaseId: database_id,
    commits,
    rows,
    auditSequence: audit_sequence,
    auditHash: audit_hash,
    schemaSha256: schema_sha256,
  }
  return { record, mac }
}

export function isGenuine({ record, mac }: StoredRecord, keys: SealKeys): boolean {
  return sameBytes(macOf(record, keys), mac)
}

/** All members in their fixed lengths but the last, so that no two different records have the same bytes. */
function macOf(record: StateRecord, keys: SealKeys): Buffer {
  const numbers = Buffer.alloc(16)
  numbers.writeBigInt64BE(BigInt(record.commits), 0)
  numbers.writeBigInt64BE(BigInt(record.auditSequence), 8)
  const { databaseId, rows, schemaSha256, auditHash } = record
  return keys.mac(STATE, databaseId, rows, schemaSha256, numbers, auditHash)
}

/** The digest itself stays secret: see RowTag. */
export function macOfRows(digest: Buffer, keys: SealKeys): Buffer {
  return keys.mac(ROWS, digest)
}

export const WRITE_RECORD = `INSERT INTO main.sealed_state (id, database_id, commits, rows, audit_sequence, audit_hash, schema_sha256, mac)
  VALUES (1, ?, ?, ?, ?, ?, ?, ?)
  ON CONFLICT (id) DO UPDATE SET database_id = excluded.database_id, commits = excluded.commits, rows = excluded.rows,
    audit_sequence = excluded.audit_sequence, audit_hash = excluded.audit_hash, schema_sha256 = excluded.schema_sha256,
    mac = excluded.mac`

export function recordValues(record: StateRecord, keys: SealKeys): (number | Uint8Array)[] {
  const { databaseId, commits, rows, auditSequence, auditHash, schemaSha256 } = record
  return [databaseId, commits, rows, auditSequence, auditHash, schemaSha256, macOf(record, keys)]
}

/** Statistics that SQLite keeps for itself decide nothing, and an administrator may have them made. */
const DEFINITIONS = `SELECT type, name, tbl_name, sql FROM main.sqlite_schema
  WHERE name NOT LIKE 'sqlite\\_stat%' ESCAPE '\\' ORDER BY type, name, tbl_name`

export function schemaSha256(connection: DatabaseSync): Buffer {
  return hash('sha256', JSON.stringify(connection.prepare(DEFINITIONS).all()), 'buffer')
}

/** This program makes neither; whoever has added one writes or reads in its name. */
export function strangeDefinitions(connection: DatabaseSync): string[] {
  const rows = connection
    .prepare(`SELECT type, name FROM main.sqlite_schema WHERE type IN ('trigger', 'view') ORDER BY name`)
    .all() as { type: string; name: string }[]
  return rows.map(({ type, name }) => `${type} ${name}`)
}

export function hasTable(connection: DatabaseSync, name: string): boolean {
  const sql = `SELECT 1 FROM main.sqlite_schema WHERE type = 'table' AND name = ?`
  return connection.prepare(sql).get(name) !== undefined
}

function isBytes(value: unknown, length?: number): value is Uint8Array {
  return value instanceof Uint8Array && (length === undefined || value.length === length)
}
