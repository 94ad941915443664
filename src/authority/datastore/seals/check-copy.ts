import type { KeyObject } from 'node:crypto'
import { DatabaseSync } from 'node:sqlite'
import { pathToFileURL } from 'node:url'
import { DatastoreInvalidError } from '../errors.ts'
import { refuseNewerSchema } from '../migrate.ts'
import { executeOn, queriesOver } from '../sqlite/connections.ts'
import { examineRows } from './examine.ts'
import { keyCheckOf } from './key-check.ts'
import { SealKeys } from './seal-keys.ts'
import { isGenuine, macOfRows, readRecord, schemaSha256 } from './state-record.ts'

export interface CheckedCopy {
  readonly commits: number
  /** The last row of the audit log; 0 when there is none. */
  readonly lastSequence: number
}

export interface CopyCheck {
  readonly kek: KeyObject
  /** Where the key came from, for messages. */
  readonly keySource: string
  /** Whether to read every page too, which takes seconds for a large database and does nothing else. */
  readonly everyPage: boolean
}

/**
 * Checks a copy of a database, to which nothing may write: that an authority with this key left it
 * so.
 * @throws WrongSealingKeyError | DatastoreInvalidError
 */
export async function checkCopy(path: string, options: CopyCheck): Promise<CheckedCopy> {
  const location = pathToFileURL(path)
  location.searchParams.set('immutable', '1') // reads without the files that WAL mode puts beside it
  let connection: DatabaseSync | undefined
  try {
    connection = new DatabaseSync(location, { readOnly: true })
    return await check(connection, options)
  } catch (error) {
    if ((error as { code?: unknown }).code !== 'ERR_SQLITE_ERROR') throw error
    throw new DatastoreInvalidError(`cannot read the database ${path}: ${(error as Error).message}`, {
      cause: error,
    })
  } finally {
    connection?.close()
  }
}

async function check(connection: DatabaseSync, options: CopyCheck): Promise<CheckedCopy> {
  if (options.everyPage) {
    const found = Object.values(connection.prepare('PRAGMA quick_check(1)').get() ?? {})[0]
    if (found !== 'ok')
      throw new DatastoreInvalidError(`the copy of the database is damaged: ${String(found)}`)
  }
  await refuseNewerSchema(queriesOver(executeOn(connection)))
  keyCheckOf(connection, options)
  const stored = readRecord(connection)
  if (!stored) throw new DatastoreInvalidError('the copy of the database has no seal')
  const { record } = stored
  const keys = new SealKeys(options.kek, record.databaseId)
  const isWhole =
    isGenuine(stored, keys) &&
    schemaSha256(connection).equals(record.schemaSha256) &&
    Buffer.from(record.rows).equals(macOfRows(examineRows(connection, keys, { keep: false }).digest, keys))
  if (!isWhole) throw new DatastoreInvalidError('the copy of the database is not as the authority left it')
  return { commits: record.commits, lastSequence: record.auditSequence }
}
