import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { ensurePrivateDirectory, FileWriteError } from '../../../foundation/atomic-file.ts'
import { MAX_SOCKET_PATH_BYTES } from '../../../foundation/socket-path-limit.ts'
import { acquireLockFile } from '../../../peer/lock-file.ts'
import { TrialRunningError } from './errors.ts'

/** What an endpoint URI, a shell and gRPC's target syntax all take as it is. */
const PLAIN_PATH = /^[\w/.,@+-]+$/

/** Where a trial keeps everything, held by one trial at a time. */
export class TrialPlace implements Disposable {
  readonly directory: string
  /** Why the sockets are elsewhere, when they are. */
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
    makeDirectory(directory)
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

  /** The name of the join token that the agent became a bot with here, if it has not lost that. */
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

/** One that is there already may be open to others: what is secret has private directories of its own. */
function makeDirectory(directory: string): void {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 })
  } catch (error) {
    throw new FileWriteError(directory, error)
  }
}

function isUsable(run: string): boolean {
  const longest = path.join(run, 'authority', 'authority.sock')
  return Buffer.byteLength(longest) <= MAX_SOCKET_PATH_BYTES && PLAIN_PATH.test(longest)
}

/** A private directory with a short name: the same each time, unless somebody else has taken that. */
async function shortDirectory(directory: string): Promise<string> {
  const name = `signet-trial-${process.geteuid?.() ?? 0}-${createHash('sha256').update(directory).digest('hex').slice(0, 12)}`
  const parents = [tmpdir(), '/tmp', '/var/tmp'].filter((parent) => isUsable(path.join(parent, name)))
  for (const parent of parents) {
    const wanted = path.join(parent, name)
    try {
      mkdirSync(wanted, { recursive: true, mode: 0o700 })
      await ensurePrivateDirectory(wanted)
      return wanted
    } catch {
      // Not ours: a name that nobody can know in advance will do.
      return mkdtempSync(path.join(parent, 'signet-'))
    }
  }
  throw new FileWriteError(
    directory,
    new TypeError('no temporary directory has a path short enough for a socket'),
  )
}
