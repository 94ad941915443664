import type { KeyObject } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { exportPkcs8, generateKeyPair, type KeyPair, loadKeyPair } from '../../crypto/keys.ts'
import { unseal } from '../../crypto/sealed.ts'
import { writeFileAtomically } from '../../foundation/atomic-file.ts'
import type { Vault } from '../ca/vault.ts'
import type { Past } from '../datastore/seals/open-sealed.ts'
import { AuditHeadsInvalidError } from './errors.ts'

const CONTEXT = 'signet audit head key beside sealed rows'
/** Sealed so, the file says that the rows of the database beside it have no seals yet. Nobody but this authority can have made one. */
const CONTEXT_BEFORE_SEALS = 'signet audit head key'

export function headKeyPath(dataDir: string): string {
  return path.join(dataDir, 'audit-head.key')
}

/** What the file says of the database beside it, before that is opened. */
export async function pastOf(file: string, kek: KeyObject): Promise<Past> {
  const sealed = await readIfPresent(file)
  if (!sealed) return 'none'
  try {
    unseal(kek, sealed, CONTEXT_BEFORE_SEALS)
    return 'before_seals'
  } catch {
    return 'sealed' // or damaged, which is found when it is used
  }
}

/**
 * The key that signs heads of the audit log. It is kept outside the database, sealed: whoever can write to the database, or has a
 * copy of the data directory without the key-encryption key, cannot sign.
 */
export async function loadOrCreateHeadKey(
  file: string,
  vault: Vault,
): Promise<{ key: KeyPair; created: boolean }> {
  const sealed = await readIfPresent(file)
  if (sealed) {
    const opened = open(file, vault, sealed)
    if (opened.beforeSeals) await write(file, vault, opened.key)
    return { key: opened.key, created: false }
  }
  const key = await generateKeyPair('ed25519')
  await write(file, vault, key)
  return { key, created: true }
}

async function write(file: string, vault: Vault, key: KeyPair): Promise<void> {
  await writeFileAtomically(file, vault.seal(exportPkcs8(key.privateKey), CONTEXT), { mode: 0o600 })
}

function open(file: string, vault: Vault, sealed: Buffer): { key: KeyPair; beforeSeals: boolean } {
  for (const context of [CONTEXT, CONTEXT_BEFORE_SEALS]) {
    try {
      return { key: loadKeyPair(vault.unseal(sealed, context)), beforeSeals: context !== CONTEXT }
    } catch {
      // the other form, or neither
    }
  }
  throw new AuditHeadsInvalidError(
    `${file} is damaged or was sealed under another key-encryption key: restore it from a backup`,
  )
}

async function readIfPresent(file: string): Promise<Buffer | undefined> {
  try {
    return await readFile(file)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new AuditHeadsInvalidError(`cannot read ${file}`, {
      cause: error,
      detail: String((error as Error).message),
    })
  }
}
