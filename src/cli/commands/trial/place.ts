import { createHash } from 'node:crypto'
import { existsSync, mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { FileWriteError } from '../../../foundation/atomic-file.ts'
import { ensurePrivateDirectory, makeDirectories } from '../../../foundation/private-directory.ts'
import { MAX_SOCKET_PATH_BYTES } from '../../../foundation/socket-path-limit.ts'
import { acquireLockFile } from '../../../peer/lock-file.ts'
import { TrialRunningError } from './errors.ts'

/** Characters that need no escaping in an endpoint URI, a shell and a gRPC target. */
const PLAIN_PATH = /^[\w/.,@+-]+$/

/** The directory of a trial, locked by one trial at a time. */
export class TrialPlace implements Disposable {
  readonly directory: string
  /** Why the sockets are in another directory, if they are. */
  readonly note: string | undefined
  readonly #run: string
  readonly #lock: Disposable

  private constructor(directory: string, run: string, note: string | undefined, lock: Disposable) {
    this.directory = directory
    this.#run = run
    this.note = note
    this.#lock = lock
  }

  static async take(directory: string): Promise<TrialPlace> {
    // It may be open to others: secrets are in private subdirectories.
    makeDirectories(directory, 0o700)
    const lock = acquireLockFile(path.join(directory, 'lock'))
    if (!lock) {
      throw new TrialRunningError(
        `a trial runs in ${directory} already: end it with Ctrl-C where it runs, or choose another directory with --dir`,
      )
    }
    try {
      await ensurePrivateDirectory(path.join(directory, 'keys'))
      const own = path.join(directory, 'run')
      if (isUsable(own)) return new TrialPlace(directory, own, undefined, lock)
      const run = await shortDirectory(directory)
      const why = PLAIN_PATH.test(own)
        ? `is too long for a Unix socket (${MAX_SOCKET_PATH_BYTES} bytes)`
        : 'has characters that an endpoint URI cannot hold'
      return new TrialPlace(
        directory,
        run,
        `the path of this directory ${why}: the sockets are in ${run}`,
        lock,
      )
    } catch (error) {
      lock[Symbol.dispose]()
      throw error
    }
  }

  file(...parts: readonly string[]): string {
    return path.join(this.directory, ...parts)
  }

  get workloadSocket(): string {
    return path.join(this.#run, 'agent', 'agent.sock')
  }

  get agentAdminSocket(): string {
    return path.join(this.#run, 'agent', 'agent-admin.sock')
  }

  get authoritySocket(): string {
    return path.join(this.#run, 'authority', 'authority.sock')
  }

  /** The join token that the agent has joined with in this directory, unless it has lost its identity. */
  get usedToken(): string | undefined {
    const hasIdentity = ['sealed', 'json'].some((form) =>
      existsSync(this.file('agent', `bot-identity.${form}`)),
    )
    if (!hasIdentity || !existsSync(this.tokenFile)) return undefined
    return readFileSync(this.tokenFile, 'utf8').trim()
  }

  get tokenFile(): string {
    return this.file('keys', 'join-token')
  }

  [Symbol.dispose](): void {
    this.#lock[Symbol.dispose]()
  }
}

function isUsable(run: string): boolean {
  const longest = path.join(run, 'authority', 'authority.sock')
  return Buffer.byteLength(longest) <= MAX_SOCKET_PATH_BYTES && PLAIN_PATH.test(longest)
}

/**
 * Returns a private directory with a short path: the same one each time, unless another user has
 * taken its name.
 */
async function shortDirectory(directory: string): Promise<string> {
  const name = `signet-trial-${process.geteuid?.() ?? 0}-${createHash('sha256').update(directory).digest('hex').slice(0, 12)}`
  const parents = [tmpdir(), '/tmp', '/var/tmp'].filter((parent) => isUsable(path.join(parent, name)))
  for (const parent of parents) {
    const run = (await ownDirectory(path.join(parent, name))) ?? unpredictableDirectory(parent)
    if (run !== undefined) return run
  }
  throw new FileWriteError(
    directory,
    new TypeError('no temporary directory is usable and has a path short enough for a socket'),
  )
}

/** Undefined when the directory cannot be created or belongs to another user. */
async function ownDirectory(wanted: string): Promise<string | undefined> {
  try {
    await ensurePrivateDirectory(wanted)
    return wanted
  } catch {
    return undefined
  }
}

function unpredictableDirectory(parent: string): string | undefined {
  try {
    return mkdtempSync(path.join(parent, 'signet-'))
  } catch {
    return undefined // the next parent may be writable
  }
}
