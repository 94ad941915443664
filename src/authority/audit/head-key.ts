import type { KeyObject } from 'node:crypto'
import { readFile, rm } from 'node:fs/promises'
import path from 'node:path'
import { exportPkcs8, generateKeyPair, type KeyPair, loadKeyPair } from '../../crypto/keys.ts'
import { seal, unseal } from '../../crypto/sealed.ts'
import { replaceFile, writeFileAtomically } from '../../foundation/atomic-file.ts'
import type { Past } from '../datastore/seals/open-sealed.ts'
import type { Vault } from '../datastore/vault.ts'
import { AuditHeadsInvalidError } from './errors.ts'

const CONTEXT = 'signet audit head key beside sealed rows'
/**
 * The context under which the key was sealed before database rows had seals. A file sealed with it
 * proves that the rows beside it may still be unsealed, because only this authority can have made it.
 */
const CONTEXT_BEFORE_SEALS = 'signet audit head key'

export function headKeyPath(dataDir: string): string {
  return path.join(dataDir, 'audit-head.key')
}

/**
 * Reads from the key file whether the rows of the database beside it are sealed, before the database
 * is opened.
 */
export async function pastOf(file: string, kek: KeyObject): Promise<Past> {
  const sealed = await readIfPresent(file)
  if (!sealed) return 'none'
  try {
    unseal(kek, sealed, CONTEXT_BEFORE_SEALS)
    return 'before_seals'
  } catch {
    return 'sealed' // or damaged, which is reported when the key is used
  }
}

/**
 * Writes a second copy of the head key, sealed under the next key-encryption key, beside the current
 * file.
 */
export async function writeNextHeadKey(file: string, key: KeyPair, kek: KeyObject): Promise<void> {
  await writeFileAtomically(nextOf(file), seal(kek, exportPkcs8(key.privateKey), CONTEXT), { mode: 0o600 })
}

/** Makes that copy the current file, once the key-encryption key has changed. */
export async function takeOverNextHeadKey(file: string): Promise<void> {
  await replaceFile(nextOf(file), file)
}

function nextOf(file: string): string {
  return `${file}.next`
}

/**
 * Finishes an interrupted change of the key-encryption key. Either of the two files may be the one
 * that opens with `kek`.
 */
export async function finishHeadKeyChange(file: string, kek: KeyObject): Promise<void> {
  const next = await readIfPresent(nextOf(file))
  if (!next) return
  const current = await readIfPresent(file)
  if ((!current || !opens(kek, current)) && opens(kek, next)) await takeOverNextHeadKey(file)
  else await rm(nextOf(file), { force: true })
}

/** Whether the key that signs heads is in this file, sealed under this key-encryption key. */
export async function isHeadKey(file: string, kek: KeyObject): Promise<boolean> {
  const sealed = await readIfPresent(file)
  return sealed !== undefined && opens(kek, sealed)
}

function opens(kek: KeyObject, sealed: Buffer): boolean {
  try {
    unseal(kek, sealed, CONTEXT)
    return true
  } catch {
    return false // sealed under another key
  }
}

/**
 * Loads the key that signs heads of the audit log, or creates it. It is sealed and kept outside the
 * database. So neither write access to the database nor a copy of the data directory without the
 * key-encryption key is enough to sign.
 *
 * @throws AuditHeadsInvalidError
 */
export async function loadOrCreateHeadKey(
  file: string,
  vault: Vault,
): Promise<{ key: KeyPair; created: boolean }> {
  await finishHeadKeyChange(file, vault.key)
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
      // try the other context, or fail below
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
