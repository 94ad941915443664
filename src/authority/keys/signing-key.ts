import assert from 'node:assert/strict'
import type { KeyObject } from 'node:crypto'
import { exportPkcs8, importSpki, type KeyType, keyTypeOf, loadKeyPair } from '../../crypto/keys.ts'
import { seal } from '../../crypto/sealed.ts'
import type { Datastore, Transaction } from '../datastore/ports.ts'
import type { KeyPurpose } from '../datastore/schema/key-tables.ts'
import {
  insertSigningKey,
  loadSigningKeyRows,
  resealPrivateKeys,
} from '../datastore/signing-key-repository.ts'
import type { Vault } from '../datastore/vault.ts'
import type { KeyLife } from './schedule.ts'

/** A CA or JWT key and everything that belongs to it. */
export interface SigningKey extends KeyLife {
  readonly keyId: string
  /** DER; undefined for a JWT key. */
  readonly certificateDer: Buffer | undefined
  readonly publicKeyDer: Buffer
  readonly privateKey: KeyObject | undefined
  readonly notBeforeMs: number
  /** The revision of its last change in the database. */
  readonly revision: number
}

/** A key that is not stored yet. */
export type NewSigningKey = Omit<SigningKey, 'revision'>

/**
 * The sealing context binds a private key to its row, so that sealed keys cannot be swapped in the
 * database.
 */
function contextOf(key: { readonly id: string; readonly purpose: KeyPurpose }): string {
  return `signet signing key ${key.purpose} ${key.id}`
}

export async function loadSigningKeys(datastore: Datastore, vault: Vault): Promise<SigningKey[]> {
  const rows = await loadSigningKeyRows(datastore)
  return rows.map((row) => ({
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
    revision: row.revision,
  }))
}

/** Seals every private key under another key-encryption key, within a transaction. */
export function resealSigningKeys(tx: Transaction, vault: Vault, kek: KeyObject): Promise<void> {
  return resealPrivateKeys(tx, (row) => {
    const plain = vault.unseal(Buffer.from(row.sealed_private_key), contextOf(row))
    return seal(kek, plain, contextOf(row))
  })
}

function keyTypeIn(publicKeyDer: Buffer): KeyType {
  const type = keyTypeOf(importSpki(publicKeyDer), publicKeyDer)
  assert.ok(type, 'a signing key of a type that is none of ours')
  return type
}

/** Stores the key and returns it with its revision. */
export async function storeSigningKey(
  tx: Transaction,
  vault: Vault,
  key: NewSigningKey,
): Promise<SigningKey> {
  const revision = await insertSigningKey(tx, {
    id: key.id,
    purpose: key.purpose,
    state: key.state,
    key_id: key.keyId,
    parent_id: key.parentId ?? null,
    certificate: key.certificateDer ?? null,
    public_key: key.publicKeyDer,
    sealed_private_key: key.privateKey && vault.seal(exportPkcs8(key.privateKey), contextOf(key)),
    not_before_ms: key.notBeforeMs,
    not_after_ms: key.notAfterMs,
    created_ms: key.createdMs,
    activate_ms: key.activateMs ?? null,
  })
  return { ...key, revision }
}
