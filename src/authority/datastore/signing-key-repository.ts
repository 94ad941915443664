import { RevisionConflictError } from './errors.ts'
import type { Datastore, Transaction } from './ports.ts'
import { leaveTombstone, takeRevisions } from './revisions.ts'
import type { KeyState, SigningKeysTable } from './schema/key-tables.ts'

const NO_KEY = Buffer.alloc(0)

/** Loads all keys, oldest first. */
export async function loadSigningKeyRows(datastore: Datastore): Promise<SigningKeysTable[]> {
  const rows = await datastore.rows('signing_keys')
  return rows.toSorted((a, b) => a.created_ms - b.created_ms || (a.id < b.id ? -1 : 1))
}

/** A key at the revision that the caller knows. */
interface KeyAt {
  readonly id: string
  readonly revision: number
}

/** Inserts a key and returns its revision. */
export async function insertSigningKey(
  tx: Transaction,
  key: Omit<SigningKeysTable, 'sealed_private_key' | 'revision'> & {
    readonly sealed_private_key: Uint8Array | undefined
  },
): Promise<number> {
  const revision = await takeRevisions(tx)
  const row = { ...key, sealed_private_key: key.sealed_private_key ?? NO_KEY, revision }
  await tx.db.insertInto('signing_keys').values(row).execute()
  tx.changed({ topic: 'signing_key', name: row.id, revision, row })
  return revision
}

/**
 * Sets the state and returns the new revision. A retired key loses its private key. @throws
 * RevisionConflictError
 */
export function updateSigningKeyState(
  tx: Transaction,
  key: KeyAt,
  state: Exclude<KeyState, 'prepared'>,
): Promise<number> {
  const lost = state === 'retired' ? { sealed_private_key: NO_KEY } : {}
  return changeKey(tx, key, { state, activate_ms: null, ...lost })
}

/**
 * Sets when the key becomes active (Unix milliseconds) and returns the new revision. @throws
 * RevisionConflictError
 */
export function updateActivation(tx: Transaction, key: KeyAt, activateMs: number): Promise<number> {
  return changeKey(tx, key, { activate_ms: activateMs })
}

/** @throws RevisionConflictError */
export async function deleteSigningKey(tx: Transaction, { id, revision }: KeyAt): Promise<void> {
  const next = await takeRevisions(tx)
  const { numDeletedRows } = await tx.db
    .deleteFrom('signing_keys')
    .where('id', '=', id)
    .where('revision', '=', revision)
    .executeTakeFirst()
  if (numDeletedRows === 0n) throw new RevisionConflictError(`signing key ${id}`)
  await leaveTombstone(tx, { topic: 'signing_key', name: id, revision: next })
  tx.changed({ topic: 'signing_key', name: id, revision: next, row: undefined })
}

/** Checks the revision and changes the row under a new one. */
async function changeKey(
  tx: Transaction,
  { id, revision: expected }: KeyAt,
  change: Partial<SigningKeysTable>,
): Promise<number> {
  const revision = await takeRevisions(tx)
  const [before] = await tx.rows('signing_keys', { id })
  if (before?.revision !== expected) throw new RevisionConflictError(`signing key ${id}`)
  const columns = { ...change, revision }
  await tx.db.updateTable('signing_keys').set(columns).where('id', '=', id).execute()
  tx.changed({ topic: 'signing_key', name: id, revision, row: { ...before, ...columns } })
  return revision
}

/** Seals every private key again. The revisions stay, because nothing that is kept in memory changes. */
export async function resealPrivateKeys(
  tx: Transaction,
  reseal: (row: SigningKeysTable) => Uint8Array,
): Promise<void> {
  for (const row of await tx.rows('signing_keys')) {
    if (row.sealed_private_key.length === 0) continue
    const sealed = reseal(row)
    await tx.db
      .updateTable('signing_keys')
      .set({ sealed_private_key: sealed })
      .where('id', '=', row.id)
      .execute()
  }
}
