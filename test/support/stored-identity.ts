import { readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { loadSealingKey, seal, unseal } from '../../src/crypto/sealed.ts'

/** The members of a stored bot identity that tests use. */
export interface IdentityText {
  readonly current: { readonly key: string; readonly chain: readonly string[]; received_ms: number }
  readonly roots: readonly string[]
}

const CONTEXT = 'agent bot identity'

async function stateKey(file: string) {
  return loadSealingKey(Buffer.from((await readFile(file, 'utf8')).trim(), 'hex'))
}

/** Reads the sealed identity of an agent with its state key. */
export async function readIdentity(dataDir: string, keyFile: string): Promise<IdentityText> {
  const sealed = await readFile(path.join(dataDir, 'bot-identity.sealed'))
  return JSON.parse(unseal(await stateKey(keyFile), sealed, CONTEXT).toString()) as IdentityText
}

export async function writeIdentity(dataDir: string, keyFile: string, identity: IdentityText): Promise<void> {
  const sealed = seal(await stateKey(keyFile), Buffer.from(JSON.stringify(identity)), CONTEXT)
  await writeFile(path.join(dataDir, 'bot-identity.sealed'), sealed, { mode: 0o600 })
}
