import { readFile } from 'node:fs/promises'
import path from 'node:path'
import {
  ensurePrivateDirectory,
  PrivateFileError,
  readPrivateFile,
  writeFileAtomically,
} from '../foundation/atomic-file.ts'
import { messageOf } from '../foundation/errors.ts'
import type { Random } from '../foundation/random.ts'
import { SecretUnavailableError } from './errors.ts'

/** Where a secret comes from; never the secret itself. */
export type SecretSource =
  | { readonly path: string }
  | { readonly env: string }
  | { readonly credential: string }

/** The bytes of a secret; one line end after it is not part of it. */
export async function loadSecret(source: SecretSource, environment: NodeJS.ProcessEnv): Promise<Buffer> {
  if ('env' in source) {
    const text = environment[source.env]
    if (text) return Buffer.from(text)
    throw new SecretUnavailableError(`the environment variable ${source.env} is not set`)
  }
  return trimLineEnd(
    'path' in source
      ? await readPrivateFile(source.path)
      : await readCredential(source.credential, environment),
  )
}

const KEY_BYTES = 32

/**
 * A key of 32 bytes: from a file, which is made when it is not there yet, or as 64 hex digits or base64 from anywhere.
 * The file holds the hex digits, so that it can be carried on paper. With `isNeeded` something is there already that only the old key
 * opens: then none is made, which would hide that the old one is lost.
 */
export async function loadOrCreateKey(
  source: SecretSource,
  environment: NodeJS.ProcessEnv,
  random: Random,
  { isNeeded = false }: { readonly isNeeded?: boolean } = {},
): Promise<Buffer> {
  if ('path' in source) {
    const existing = await loadKeyIfPresent(source, environment)
    if (existing) return existing
    if (isNeeded) {
      throw new SecretUnavailableError(
        `the key ${source.path} is gone, and nothing else opens what it protects: restore it; nothing was changed`,
      )
    }
    await ensurePrivateParent(source.path)
    const key = random.bytes(KEY_BYTES)
    await writeFileAtomically(source.path, `${key.toString('hex')}\n`, { mode: 0o600 })
    return key
  }
  return loadKey(source, environment)
}

/** Undefined only when there is no such file. */
export async function loadKeyIfPresent(
  source: SecretSource,
  environment: NodeJS.ProcessEnv,
): Promise<Buffer | undefined> {
  return loadKey(source, environment).catch((error: unknown) => {
    if ('path' in source && error instanceof PrivateFileError && isMissing(error.cause)) return undefined
    throw error
  })
}

/** A key that must be there. */
export async function loadKey(source: SecretSource, environment: NodeJS.ProcessEnv): Promise<Buffer> {
  return decodeKey(await loadSecret(source, environment), describeSource(source))
}

/** For people. */
export function describeSource(source: SecretSource): string {
  if ('path' in source) return source.path
  return 'env' in source ? `$${source.env}` : `the systemd credential ${source.credential}`
}

async function readCredential(name: string, environment: NodeJS.ProcessEnv): Promise<Buffer> {
  const directory = environment['CREDENTIALS_DIRECTORY']
  if (!directory) {
    throw new SecretUnavailableError(
      `there is no systemd credential ${name}: CREDENTIALS_DIRECTORY is not set (LoadCredential= in the unit)`,
    )
  }
  try {
    // systemd guards this directory itself; its files are 0440 when a group may read them.
    return await readFile(path.join(directory, name))
  } catch (error) {
    throw new SecretUnavailableError(`cannot read the systemd credential ${name}: ${messageOf(error)}`, {
      cause: error,
    })
  }
}

/** A directory that exists keeps its mode: the key may lie in /etc. A new one is private. */
async function ensurePrivateParent(file: string): Promise<void> {
  const { existsSync } = await import('node:fs')
  const directory = path.dirname(file)
  if (!existsSync(directory)) await ensurePrivateDirectory(directory)
}

function decodeKey(bytes: Buffer, where: string): Buffer {
  if (bytes.length === KEY_BYTES) return bytes
  const text = bytes.toString('latin1').trim()
  if (/^[0-9a-fA-F]{64}$/.test(text)) return Buffer.from(text, 'hex')
  const decoded = Buffer.from(text, 'base64')
  if (decoded.length === KEY_BYTES && /^[A-Za-z0-9+/]{43}=$/.test(text)) return decoded
  throw new SecretUnavailableError(
    `${where} does not hold a key: expected 32 bytes, as they are, in hex or in base64`,
  )
}

function trimLineEnd(bytes: Buffer): Buffer {
  if (bytes.length === KEY_BYTES) return bytes // a raw key may end in any byte
  const text = bytes.toString('latin1')
  return bytes.subarray(0, text.length - (/\r?\n$/.exec(text)?.[0].length ?? 0))
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT'
}
