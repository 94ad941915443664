import { readFile } from 'node:fs/promises'
import { exportPkcs8, generateKeyPair, type KeyPair, loadKeyPair } from '../../crypto/keys.ts'
import { writeFileAtomically } from '../../foundation/atomic-file.ts'
import type { Vault } from '../ca/vault.ts'
import { AuditHeadsInvalidError } from './errors.ts'

const CONTEXT = 'signet audit head key'

/**
 * The key that signs heads of the audit log. It is kept outside the database, sealed: whoever can write to the database, or has a
 * copy of the data directory without the key-encryption key, cannot sign.
 */
export async function loadOrCreateHeadKey(
  path: string,
  vault: Vault,
): Promise<{ key: KeyPair; created: boolean }> {
  const sealed = await readIfPresent(path)
  if (sealed) return { key: open(path, vault, sealed), created: false }
  const key = await generateKeyPair('ed25519')
  await writeFileAtomically(path, vault.seal(exportPkcs8(key.privateKey), CONTEXT), { mode: 0o600 })
  return { key, created: true }
}

function open(path: string, vault: Vault, sealed: Buffer): KeyPair {
  try {
    return loadKeyPair(vault.unseal(sealed, CONTEXT))
  } catch (error) {
    throw new AuditHeadsInvalidError(
      `${path} is damaged or was sealed under another key-encryption key: restore it from a backup`,
      { cause: error },
    )
  }
}

async function readIfPresent(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new AuditHeadsInvalidError(`cannot read ${path}`, {
      cause: error,
      detail: String((error as Error).message),
    })
  }
}
