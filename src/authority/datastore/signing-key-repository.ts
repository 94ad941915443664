import type { Datastore, Transaction } from './ports.ts'
import type { KeyState, SigningKeysTable } from './schema/key-tables.ts'

const NO_KEY = Buffer.alloc(0)

/** In the order in which they were made. */
export async function loadSigningKeyRows(datastore: Datastore): Promise<SigningKeysTable[]> {
  const rows = await datastore.rows('signing_keys')
  return rows.toSorted((a, b) => a.created_ms - b.created_ms || (a.id < b.id ? -1 : 1))
}

export async function insertSigningKey(
  tx: Transaction,
  row: Omit<SigningKeysTable, 'sealed_private_key'> & { readonly sealed_private_key: Uint8Array | undefined },
): Promise<void> {
  await tx.db
    .insertInto('signing_keys')
    .values({ ...row, sealed_private_key: row.sealed_private_key ?? NO_KEY })
    .execute()
}

/** A retired key does not sign again: its private part goes. */
export async function updateSigningKeyState(
  tx: Transaction,
  id: string,
  state: Exclude<KeyState, 'prepared'>,
): Promise<void> {
  await tx.db
    .updateTable('signing_keys')
    .set({ state, activate_ms: null, ...(state === 'retired' ? { sealed_private_key: NO_KEY } : {}) })
    .where('id', '=', id)
    .execute()
}

export async function updateActivation(tx: Transaction, id: string, activateMs: number): Promise<void> {
  await tx.db.updateTable('signing_keys').set({ activate_ms: activateMs }).where('id', '=', id).execute()
}

export async function deleteSigningKey(tx: Transaction, id: string): Promise<void> {
  await tx.db.deleteFrom('signing_keys').where('id', '=', id).execute()
}

/** Seals every private key anew. */
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
