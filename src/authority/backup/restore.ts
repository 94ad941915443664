import { existsSync } from 'node:fs'
import {
  constants,
  copyFile,
  link,
  lstat,
  mkdir,
  open,
  readdir,
  readFile,
  rename,
  rm,
} from 'node:fs/promises'
import path from 'node:path'
import type { AuthorityConfig } from '../../config/authority-config.ts'
import { describeSource, loadKey } from '../../config/secret-source.ts'
import { loadSealingKey } from '../../crypto/sealed.ts'
import { FileWriteError, writeFileAtomically } from '../../foundation/atomic-file.ts'
import type { Clock } from '../../foundation/clock.ts'
import { CodedError } from '../../foundation/errors.ts'
import { ensurePrivateDirectory } from '../../foundation/private-directory.ts'
import { acquireLockFile } from '../../peer/lock-file.ts'
import type { AuditLog } from '../audit/audit-log.ts'
import type { Actor } from '../audit/events.ts'
import { WrongTrustDomainError } from '../datastore/errors.ts'
import { AuthorityRunningError } from '../errors.ts'
import { checkFiles } from './check-files.ts'
import { BackupInvalidError, BackupRefusedError } from './errors.ts'
import { DATABASE, FILES, type Manifest, readManifest } from './manifest.ts'

interface RestoreOptions {
  readonly directory: string
  /** Put a data directory that is in use aside. */
  readonly replace: boolean
}

/** What SQLite puts beside a database. Those of an older one would spoil the new one. */
const SIDE_FILES = [`${DATABASE}-wal`, `${DATABASE}-shm`]
/** Tells the next start of the authority that its data was restored. */
const NOTE = 'restored.json'

/**
 * Checks that a backup is complete, and that this configuration and its key-encryption key open it.
 * @throws BackupInvalidError | WrongTrustDomainError | WrongSealingKeyError
 */
export async function checkBackup(
  directory: string,
  config: AuthorityConfig,
  environment: NodeJS.ProcessEnv,
): Promise<Manifest> {
  const manifest = await readManifest(directory)
  if (manifest.trustDomain !== config.trust_domain) {
    throw new WrongTrustDomainError(
      `the backup is of the trust domain ${manifest.trustDomain}, and the configuration names ${config.trust_domain}`,
    )
  }
  const source = config.key_encryption_key
  const kek = loadSealingKey(await loadKey(source, environment))
  const copy = await checkFiles(directory, {
    kek,
    keySource: describeSource(source),
    everyPage: true,
  })
  if (copy.commits !== manifest.commits || copy.lastSequence !== manifest.lastSequence) {
    throw new BackupInvalidError(`${directory} holds another database than its list says`)
  }
  return manifest
}

/**
 * Puts a backup in the place of the data directory, while no authority runs. If it is interrupted, no
 * authority starts on what is there, and doing it again completes it.
 *
 * Returns where the former files are; undefined when there were none.
 */
export async function restoreBackup(
  manifest: Manifest,
  { directory, replace }: RestoreOptions,
  dataDir: string,
  actor: Actor,
  clock: Clock,
): Promise<string | undefined> {
  await ensurePrivateDirectory(dataDir)
  using lock = acquireLockFile(path.join(dataDir, 'lock'))
  if (!lock) throw new AuthorityRunningError(`an authority runs on ${dataDir}: stop it first`)
  const present = (await readdir(dataDir)).filter((name) => isOurs(name))
  if (present.includes(DATABASE) && !replace) {
    throw new BackupRefusedError(
      `${dataDir} holds a database: give --replace to put it aside, into a directory beside it`,
    )
  }
  let isUntouched = true
  try {
    // Everything that can fail for want of space comes first.
    for (const name of FILES) await copyIn(path.join(directory, name), path.join(dataDir, name))
    const note = {
      directory,
      madeAt: new Date(manifest.timeMs).toISOString(),
      actor,
      lastSequence: manifest.lastSequence,
    }
    await writeFileAtomically(path.join(dataDir, NOTE), JSON.stringify(note), { mode: 0o600 })
    const aside = present.length > 0 ? await putAside(dataDir, present, clock) : undefined
    isUntouched = false
    for (const name of [DATABASE, ...SIDE_FILES]) await rm(path.join(dataDir, name), { force: true })
    await flush(dataDir)
    for (const name of FILES) {
      await rename(incoming(path.join(dataDir, name)), path.join(dataDir, name))
      await flush(dataDir)
    }
    return aside
  } catch (error) {
    if (isUntouched) {
      // If this fails, too, the first error is the useful one.
      const left = [NOTE, ...FILES.map((name) => incoming(name))].map((name) =>
        rm(path.join(dataDir, name), { force: true }),
      )
      await Promise.allSettled(left)
    }
    throw error instanceof CodedError ? error : new FileWriteError(dataDir, error)
  }
}

/** Refuses a data directory in which a restore was interrupted. @throws BackupRefusedError */
export function refuseHalfRestored(dataDir: string): void {
  if (!existsSync(incoming(path.join(dataDir, DATABASE)))) return
  throw new BackupRefusedError(
    `a restore of ${dataDir} was interrupted: run \`signet authority restore --replace\` again`,
  )
}

/** Records in the audit log that the data was restored. Call it when the authority starts. */
export async function recordRestore(dataDir: string, audit: AuditLog): Promise<void> {
  const file = path.join(dataDir, NOTE)
  const text = await readFile(file, 'utf8').catch(() => undefined)
  if (text === undefined) return
  const { actor, directory, madeAt, lastSequence } = parseNote(text)
  await audit.record('authority.restored', actor, { directory, madeAt, lastSequence })
  await rm(file, { force: true })
}

/** Whoever can write into the data directory can write anything here: it decides nothing. */
function parseNote(text: string) {
  let read: Record<string, unknown> = {}
  try {
    read = Object(JSON.parse(text)) as Record<string, unknown>
  } catch {
    // The row says then that there was a restore, and no more.
  }
  const uid = /^uid:\d{1,10}$/.exec(String(read['actor']))?.[0] as Actor | undefined
  return {
    actor: uid ?? ('authority' as const),
    directory: String(read['directory'] ?? '').slice(0, 4096),
    madeAt: String(read['madeAt'] ?? '').slice(0, 32),
    lastSequence: Number(read['lastSequence']) || 0,
  }
}

function isOurs(name: string): boolean {
  return FILES.includes(name as (typeof FILES)[number]) || SIDE_FILES.includes(name)
}

function incoming(file: string): string {
  return `${file}.restoring`
}

async function copyIn(from: string, to: string): Promise<void> {
  await rm(incoming(to), { force: true })
  await copyFile(from, incoming(to), constants.COPYFILE_EXCL)
  const handle = await open(incoming(to), 'r+')
  try {
    await handle.chmod(0o600)
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** Gives the former files a second name in a directory of their own. */
async function putAside(dataDir: string, names: readonly string[], clock: Clock): Promise<string> {
  const stamp = clock.now().toISOString().replaceAll(/[:.]/g, '-')
  const aside = path.join(dataDir, `before-restore-${stamp}`)
  await mkdir(aside, { mode: 0o700 })
  for (const name of names) {
    if (!(await lstat(path.join(dataDir, name))).isFile()) continue
    await link(path.join(dataDir, name), path.join(aside, name))
  }
  await flush(aside)
  await flush(dataDir)
  return aside
}

async function flush(directory: string): Promise<void> {
  const handle = await open(directory, 'r')
  await handle.sync().finally(() => handle.close())
}
