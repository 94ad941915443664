import type { KeyObject } from 'node:crypto'
import { existsSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { seal, unseal } from '../../../crypto/sealed.ts'
import { WrongSealingKeyError } from '../errors.ts'

const TEXT = 'the key-encryption key of this database'
const CONTEXT = 'signet check of sealed rows'
/** The context in a database whose rows have no seals yet. */
const CONTEXT_BEFORE_SEALS = 'signet check'

/**
 * Checks, without changing anything, that the key is the one that this database was created with.
 * @throws WrongSealingKeyError
 */
export function keyCheckOf(
  connection: DatabaseSync,
  { kek, keySource }: { readonly kek: KeyObject; readonly keySource: string },
): void {
  if (opensKeyCheck(connection, kek)) return
  throw new WrongSealingKeyError(
    `the key-encryption key from ${keySource} is not the one that this data directory was made with: give the authority the original key or, after \`signet authority rekey\`, the new one; nothing was changed`,
  )
}

/** Whether the key opens the check value; true when the database has none. */
function opensKeyCheck(connection: DatabaseSync, kek: KeyObject): boolean {
  const row = connection.prepare(`SELECT value FROM main.meta WHERE key = 'kek_check'`).get()
  const check = row?.['value']
  if (typeof check !== 'string') return true
  const sealed = Buffer.from(check, 'base64')
  return opens(kek, sealed, CONTEXT) || opens(kek, sealed, CONTEXT_BEFORE_SEALS)
}

const WRITE = `INSERT INTO main.meta (key, value) VALUES ('kek_check', ?)
  ON CONFLICT (key) DO UPDATE SET value = excluded.value`

export function sealKeyCheck(connection: DatabaseSync, kek: KeyObject): void {
  connection.prepare(WRITE).run(formatKeyCheck(kek))
}

/** The key that opens the database at `path`; undefined when none does or there is no database yet. */
export function keyOf<Key extends { readonly kek: KeyObject }>(
  path: string,
  keys: readonly Key[],
): Key | undefined {
  if (!existsSync(path)) return undefined
  const connection = new DatabaseSync(path)
  try {
    return keys.find(({ kek }) => opensKeyCheck(connection, kek))
  } catch {
    return undefined // opening it for use reports what is wrong
  } finally {
    connection.close()
  }
}

export function formatKeyCheck(kek: KeyObject): string {
  return seal(kek, Buffer.from(TEXT), CONTEXT).toString('base64')
}

function opens(kek: KeyObject, sealed: Buffer, context: string): boolean {
  try {
    unseal(kek, sealed, context)
    return true
  } catch {
    return false // the cipher does not tell a wrong key from a wrong context or damaged content
  }
}
