import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { lstat, readFile } from 'node:fs/promises'
import path from 'node:path'
import { pipeline } from 'node:stream/promises'
import { readReason } from '../../foundation/file-reason.ts'
import { version } from '../../foundation/version.ts'
import { BackupInvalidError } from './errors.ts'

/** The files of a data directory that a backup holds, in the order in which they are restored. */
export const FILES = ['audit-head.key', 'audit-heads.jsonl', 'authority.db'] as const
export const DATABASE = 'authority.db'

type FileName = (typeof FILES)[number]

export interface FileDigest {
  readonly bytes: number
  readonly sha256: string
}

/** What `backup.json` says. It is written last, so a directory without it is no backup. */
export interface Manifest {
  readonly trustDomain: string
  readonly version: string
  /** When the copy was made, in Unix milliseconds. */
  readonly timeMs: number
  readonly commits: number
  /** The last event of the audit log in it. */
  readonly lastSequence: number
  readonly files: Readonly<Record<FileName, FileDigest>>
}

const NAME = 'backup.json'
const FORMAT = 1
const SHA256 = /^[0-9a-f]{64}$/

export function manifestPath(directory: string): string {
  return path.join(directory, NAME)
}

export function formatManifest(manifest: Omit<Manifest, 'version'>): string {
  const { trustDomain, timeMs, commits, lastSequence, files } = manifest
  const fields = {
    signet_backup: FORMAT,
    trust_domain: trustDomain,
    version,
    time: new Date(timeMs).toISOString(),
    commits,
    last_event: lastSequence,
    files,
  }
  return `${JSON.stringify(fields, undefined, 2)}\n`
}

/** Reads the manifest, and compares every file with it. @throws BackupInvalidError */
export async function readManifest(directory: string): Promise<Manifest> {
  const file = manifestPath(directory)
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    throw new BackupInvalidError(
      `${directory} is no complete backup: cannot read ${NAME}: ${readReason(error)}`,
    )
  })
  const manifest = parse(text)
  if (!manifest)
    throw new BackupInvalidError(`${file} is not the list of a backup that this version can read`)
  for (const name of FILES) await compare(path.join(directory, name), manifest.files[name])
  return manifest
}

export async function digestOf(file: string): Promise<FileDigest> {
  const hash = createHash('sha256')
  let bytes = 0
  await pipeline(createReadStream(file), async (chunks: AsyncIterable<Buffer>) => {
    for await (const chunk of chunks) {
      hash.update(chunk)
      bytes += chunk.length
    }
  })
  return { bytes, sha256: hash.digest('hex') }
}

async function compare(file: string, expected: FileDigest): Promise<void> {
  let found: FileDigest
  try {
    if (!(await lstat(file)).isFile()) throw new BackupInvalidError(`${file} is not a regular file`)
    found = await digestOf(file)
  } catch (error) {
    if (error instanceof BackupInvalidError) throw error
    throw new BackupInvalidError(`cannot read ${file}: ${readReason(error)}`, { cause: error })
  }
  if (found.bytes === expected.bytes && found.sha256 === expected.sha256) return
  throw new BackupInvalidError(`${file} is not as the authority wrote it: its SHA-256 is ${found.sha256}`)
}

function parse(text: string): Manifest | undefined {
  try {
    const read = JSON.parse(text) as Record<string, unknown>
    const { trust_domain: trustDomain, version: made, time, commits, last_event: lastSequence } = read
    const files = read['files'] as Record<string, Partial<FileDigest> | undefined>
    if (read['signet_backup'] !== FORMAT || typeof trustDomain !== 'string' || typeof made !== 'string') {
      return undefined
    }
    if (typeof commits !== 'number' || typeof lastSequence !== 'number') return undefined
    const isComplete = FILES.every((name) => SHA256.test(files[name]?.sha256 ?? ''))
    const timeMs = Date.parse(String(time))
    if (!isComplete || Number.isNaN(timeMs)) return undefined
    return { trustDomain, version: made, timeMs, commits, lastSequence, files: files as Manifest['files'] }
  } catch {
    return undefined
  }
}
