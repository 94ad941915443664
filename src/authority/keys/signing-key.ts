import assert from 'node:assert/strict'
import type { KeyObject } from 'node:crypto'
import { exportPkcs8, importSpki, type KeyType, keyTypeOf, loadKeyPair } from '../../crypto/keys.ts'
import { seal } from '../../crypto/sealed.ts'
import type { Datastore } from '../datastore/datastore.ts'
import type { KeyPurpose, KeyState, SigningKeysTable } from '../datastore/schema/key-tables.ts'
import type { Vault } from '../datastore/vault.ts'
import type { Writer } from '../datastore/writer.ts'
import type { KeyLife } from './schedule.ts'

/** A CA or JWT key with all that belongs to it. */
export interface SigningKey extends KeyLife {
  readonly keyId: string
  /** DER; undefined for a JWT key. */
  readonly certificateDer: Buffer | undefined
  readonly publicKeyDer: Buffer
  readonly privateKey: KeyObject | undefined
  readonly notBeforeMs: number
}

const NO_KEY = Buffer.alloc(0)

/** Bound to its row, so that sealed keys cannot be exchanged in the database. */
function contextOf(key: { readonly id: string; readonly purpose: KeyPurpose }): string {
  return `signet signing key ${key.purpose} ${key.id}`
}

export async function loadSigningKeys(datastore: Datastore, vault: Vault): Promise<SigningKey[]> {
  const rows = await datastore.rows<SigningKeysTable>('signing_keys')
  const inOrder = rows.toSorted((a, b) => a.created_ms - b.created_ms || (a.id < b.id ? -1 : 1))
  return inOrder.map((row) => ({
    id: row.id,
    purpose: row.purpose,
    keyType: keyTypeIn(Buffer.from(row.public_key)),
    state: row.state,
    keyId: row.key_id,
    parentId: row.parent_id ?? undefined,
    certificateDer: row.certificate ? Buffer.from(row.certificate) : undefined,
    publicKeyDer: Buffer.from(row.public_key),
    privateKey:
      row.sealed_private_key.length > 0
        ? loadKeyPair(vault.unseal(Buffer.from(row.sealed_private_key), contextOf(row))).privateKey
        : undefined,
    notBeforeMs: row.not_before_ms,
    notAfterMs: row.not_after_ms,
    createdMs: row.created_ms,
    activateMs: row.activate_ms ?? undefined,
  }))
}

/** Seals every private key under another key-encryption key, as part of a transaction. */
export function resealSigningKeys(writer: Writer, vault: Vault, kek: KeyObject): void {
  for (const row of writer.rows<SigningKeysTable>('signing_keys', 'WHERE length(sealed_private_key) > 0')) {
    const plain = vault.unseal(Buffer.from(row.sealed_private_key), contextOf(row))
    const sealed = seal(kek, plain, contextOf(row))
    writer.run('UPDATE signing_keys SET sealed_private_key = ? WHERE id = ?', sealed, row.id)
  }
}

function keyTypeIn(publicKeyDer: Buffer): KeyType {
  const type = keyTypeOf(importSpki(publicKeyDer), publicKeyDer)
  assert.ok(type, 'a signing key of a type that is none of ours')
  return type
}

export function insertSigningKey(writer: Writer, vault: Vault, key: SigningKey): void {
  const sealed = key.privateKey ? vault.seal(exportPkcs8(key.privateKey), contextOf(key)) : NO_KEY
  writer.run(
    `INSERT INTO signing_keys (id, purpose, state, key_id, parent_id, certificate, public_key, sealed_private_key,
       not_before_ms, not_after_ms, created_ms, activate_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    key.id,
    key.purpose,
    key.state,
    key.keyId,
    key.parentId ?? null,
    key.certificateDer ?? null,
    key.publicKeyDer,
    sealed,
    key.notBeforeMs,
    key.notAfterMs,
    key.createdMs,
    key.activateMs ?? null,
  )
}

export function updateSigningKeyState(
  writer: Writer,
  id: string,
  state: Exclude<KeyState, 'prepared'>,
): void {
  writer.run('UPDATE signing_keys SET state = ?, activate_ms = NULL WHERE id = ?', state, id)
  if (state === 'retired')
    writer.run('UPDATE signing_keys SET sealed_private_key = ? WHERE id = ?', NO_KEY, id)
}

export function updateActivation(writer: Writer, id: string, activateMs: number): void {
  writer.run('UPDATE signing_keys SET activate_ms = ? WHERE id = ?', activateMs, id)
}

export function deleteSigningKey(writer: Writer, id: string): void {
  writer.run('DELETE FROM signing_keys WHERE id = ?', id)
}
