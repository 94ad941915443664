import { copyFile, lstat, mkdtemp, open, readdir, rename, rm, statfs, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { FileWriteError } from '../../foundation/atomic-file.ts'
import type { Clock } from '../../foundation/clock.ts'
import { CodedError } from '../../foundation/errors.ts'
import { fileReason } from '../../foundation/file-reason.ts'
import type { AuditLog } from '../audit/audit-log.ts'
import type { Actor } from '../audit/events.ts'
import type { Datastore } from '../datastore/ports.ts'
import type { Vault } from '../datastore/vault.ts'
import { checkFiles } from './check-files.ts'
import { BackupRefusedError } from './errors.ts'
import { DATABASE, digestOf, FILES, type FileDigest, formatManifest, manifestPath } from './manifest.ts'
import { trustedParent } from './parent-directory.ts'

interface BackupWriterDeps {
  readonly datastore: Pick<Datastore, 'copyTo' | 'space'>
  readonly vault: Pick<Vault, 'key' | 'trustDomain'>
  readonly audit: Pick<AuditLog, 'record'>
  readonly dataDir: string
  /** Where the key-encryption key comes from, for messages. */
  readonly keySource: string
  readonly clock: Clock
}

interface WrittenBackup {
  readonly bytes: number
  readonly lastSequence: number
}

/** Left free beyond the length of the database, so that the disk is not filled to the last byte. */
const SPARE_BYTES = 32 * 1024 * 1024

/**
 * Copies the data directory while the authority runs. The backup gets its name when it is complete,
 * flushed and checked, so whatever has that name can be restored.
 */
export class BackupWriter {
  readonly #deps: BackupWriterDeps
  #isRunning = false

  constructor(deps: BackupWriterDeps) {
    this.#deps = deps
  }

  /** @throws BackupRefusedError | FileWriteError */
  async write(directory: string, actor: Actor): Promise<WrittenBackup> {
    if (this.#isRunning) throw new BackupRefusedError('a backup is being made already')
    this.#isRunning = true
    try {
      return await this.#write(directory, actor)
    } finally {
      this.#isRunning = false
    }
  }

  async #write(directory: string, actor: Actor): Promise<WrittenBackup> {
    if (await isThere(directory)) {
      throw new BackupRefusedError(`${directory} exists already: name a directory that does not`)
    }
    let unfinished: string | undefined
    try {
      const parent = await trustedParent(path.dirname(directory))
      await this.#refuseTooLarge(parent)
      const prefix = `.${path.basename(directory)}.unfinished-`
      for (const name of await readdir(parent)) // of an authority that was killed meanwhile
        if (name.startsWith(prefix)) await removeOurs(path.join(parent, name))
      unfinished = await mkdtemp(path.join(parent, prefix))
      const written = await this.#fill(unfinished)
      const { bytes, lastSequence } = written
      await this.#deps.audit.record('authority.backed_up', actor, { directory, lastSequence, bytes })
      await rename(unfinished, path.join(parent, path.basename(directory)))
      await flush(parent)
      return written
    } catch (error) {
      // If this fails, too, the first error is the useful one.
      if (unfinished !== undefined) await removeOurs(unfinished).catch(() => undefined)
      throw error instanceof CodedError ? error : new FileWriteError(directory, error)
    }
  }

  async #fill(directory: string): Promise<WrittenBackup> {
    const { datastore, vault, dataDir, keySource, clock } = this.#deps
    const trustDomain = vault.trustDomain.name
    const timeMs = clock.now().getTime()
    // The database last, so that no signed head is newer than the rows.
    for (const name of FILES) {
      const copy = path.join(directory, name)
      if (name === DATABASE) await datastore.copyTo(copy)
      else await copyFile(path.join(dataDir, name), copy)
      await flush(copy)
    }
    const { commits, lastSequence } = await checkFiles(directory, {
      kek: vault.key, // fails when the key was changed meanwhile
      keySource,
      everyPage: false,
    })
    const digests: [string, FileDigest][] = []
    for (const name of FILES) digests.push([name, await digestOf(path.join(directory, name))])
    const files = Object.fromEntries(digests) as Record<(typeof FILES)[number], FileDigest>
    const list = manifestPath(directory)
    await writeFile(list, formatManifest({ trustDomain, timeMs, commits, lastSequence, files }), {
      mode: 0o600,
    })
    await flush(list)
    await flush(directory)
    return { bytes: digests.reduce((sum, [, { bytes }]) => sum + bytes, 0), lastSequence }
  }

  /** The authority may store its data on the same disk, and issues nothing when that is full. */
  async #refuseTooLarge(parent: string): Promise<void> {
    const { bavail, bsize } = await statfs(parent)
    const needed = this.#deps.datastore.space.bytes + SPARE_BYTES
    if (bavail * bsize >= needed) return
    const mebibytes = Math.ceil(needed / 1_048_576)
    throw new BackupRefusedError(
      `the disk of ${parent} has too little space: a backup needs ${mebibytes} MiB`,
    )
  }
}

/** Whether anything has this name, a link that leads nowhere too. @throws FileWriteError */
async function isThere(file: string): Promise<boolean> {
  try {
    await lstat(file)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw new BackupRefusedError(`cannot look at ${file}: ${fileReason(error)}`, { cause: error })
  }
}

/** Removes a directory that this user made, and nothing else of that name. */
async function removeOurs(directory: string): Promise<void> {
  const found = await lstat(directory)
  if (!found.isDirectory() || found.uid !== process.geteuid?.()) return
  await rm(directory, { recursive: true, force: true })
}

async function flush(file: string): Promise<void> {
  const handle = await open(file, 'r')
  await handle.sync().finally(() => handle.close())
}
