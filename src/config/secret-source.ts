import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { PrivateFileError, readPrivateFile, writeFileAtomically } from '../foundation/atomic-file.ts'
import { messageOf } from '../foundation/errors.ts'
import { ensurePrivateDirectory } from '../foundation/private-directory.ts'
import type { Random } from '../foundation/random.ts'
import { SecretUnavailableError } from './errors.ts'

/** Where a secret comes from; never the secret itself. */
export type SecretSource =
  | { readonly path: string }
  | { readonly env: string }
  | { readonly credential: string }

/**
 * Loads a secret. One trailing line break is not part of it. @throws SecretUnavailableError |
 * PrivateFileError
 */
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
 * Loads a key of 32 bytes. It may be raw, 64 hex digits or base64. A missing key file is created,
 * in hex, so that it can be kept on paper. With `isNeeded`, existing data needs the old key, so a
 * missing file is an error: a new key would hide that the old one is lost.
 * @throws SecretUnavailableError | PrivateFileError
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

/** Loads a key; undefined when there is no such file. */
export async function loadKeyIfPresent(
  source: SecretSource,
  environment: NodeJS.ProcessEnv,
): Promise<Buffer | undefined> {
  return loadKey(source, environment).catch((error: unknown) => {
    if ('path' in source && error instanceof PrivateFileError && isMissing(error.cause)) return undefined
    throw error
  })
}

/** Loads a key that must exist. */
export async function loadKey(source: SecretSource, environment: NodeJS.ProcessEnv): Promise<Buffer> {
  return decodeKey(await loadSecret(source, environment), describeSource(source))
}

/** Names a source, for people. */
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
    // systemd protects this directory. Its files have mode 0440 when a group may read them.
    return await readFile(path.join(directory, name))
  } catch (error) {
    throw new SecretUnavailableError(`cannot read the systemd credential ${name}: ${messageOf(error)}`, {
      cause: error,
    })
  }
}

/** An existing directory keeps its mode, because the key may be in /etc. A new one is private. */
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
