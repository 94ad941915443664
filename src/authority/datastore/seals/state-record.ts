import { hash } from 'node:crypto'
import type { DatabaseSync } from 'node:sqlite'
import { type SealKeys, sameBytes } from './seal-keys.ts'

/**
 * A statement about all rows at once, sealed with its own MAC. It changes with each commit. So a row
 * cannot be deleted or reverted, and the audit log cannot be cut, unless this record is reverted with
 * it.
 */
export interface StateRecord {
  readonly databaseId: Uint8Array
  /** How many commits there were. The heads of the audit log state it too. */
  readonly commits: number
  /** A MAC over the digest of all sealed rows. */
  readonly rows: Uint8Array
  /** The sequence number of the last audit row; 0 when there is none. */
  readonly auditSequence: number
  readonly auditHash: Uint8Array
  /**
   * Covers the definitions of tables and indexes: a trigger that somebody adds would write through
   * this connection.
   */
  readonly schemaSha256: Uint8Array
}

/** Length of the random ID that tells databases under one key apart. */
export const ID_BYTES = 16
const HASH_BYTES = 32
const STATE = Buffer.from('state\n')
const ROWS = Buffer.from('rows\n')

interface RecordRow {
  readonly database_id: unknown
  readonly commits: unknown
  readonly rows: unknown
  readonly audit_sequence: unknown
  readonly audit_hash: unknown
  readonly schema_sha256: unknown
  readonly mac: unknown
}

interface StoredRecord {
  readonly record: StateRecord
  readonly mac: Uint8Array
}

/** Reads the record without verifying it; undefined when it is missing or malformed. */
export function readRecord(connection: DatabaseSync): StoredRecord | undefined {
  if (!hasTable(connection, 'sealed_state')) return undefined
  const row = connection.prepare('SELECT * FROM main.sealed_state WHERE id = 1').get() as
    | RecordRow
    | undefined
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

/** All members but the last have a fixed length, so no two different records have the same bytes. */
function macOf(record: StateRecord, keys: SealKeys): Buffer {
  const numbers = Buffer.alloc(16)
  numbers.writeBigInt64BE(BigInt(record.commits), 0)
  numbers.writeBigInt64BE(BigInt(record.auditSequence), 8)
  const { databaseId, rows, schemaSha256, auditHash } = record
  return keys.mac(STATE, databaseId, rows, schemaSha256, numbers, auditHash)
}

/** A MAC over the digest. The digest itself is stored nowhere: see RowTag. */
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

/**
 * SQLite's own statistics tables are left out: they decide nothing, and an administrator may run
 * ANALYZE.
 */
const DEFINITIONS = `SELECT type, name, tbl_name, sql FROM main.sqlite_schema
  WHERE name NOT LIKE 'sqlite\\_stat%' ESCAPE '\\' ORDER BY type, name, tbl_name`

export function schemaSha256(connection: DatabaseSync): Buffer {
  return hash('sha256', JSON.stringify(connection.prepare(DEFINITIONS).all()), 'buffer')
}

/**
 * Triggers and views in the file. Signet creates neither, and either could change what its statements
 * do.
 */
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
