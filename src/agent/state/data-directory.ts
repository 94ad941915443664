import { existsSync } from 'node:fs'
import path from 'node:path'
import { replaceFile } from '../../foundation/atomic-file.ts'
import { messageOf } from '../../foundation/errors.ts'
import type { Logger } from '../../foundation/logger.ts'
import { ensurePrivateDirectory, makeDirectories } from '../../foundation/private-directory.ts'
import { acquireLockFile } from '../../peer/lock-file.ts'
import { AgentRunningError, DataNotMovedError } from './errors.ts'
import type { IdentityPlaces } from './identity-file.ts'

/** The data directory of one agent. No other user may read it and no second agent use it. */
export class DataDirectory implements Disposable, IdentityPlaces {
  readonly identityPath: string
  readonly plainIdentityPath: string
  readonly statePath: string
  readonly #lock: Disposable

  private constructor(directory: string, lock: Disposable) {
    this.identityPath = path.join(directory, 'bot-identity.sealed')
    this.plainIdentityPath = path.join(directory, 'bot-identity.json')
    this.statePath = path.join(directory, 'state.sealed')
    this.#lock = lock
  }

  /**
   * Opens the directory. If only `former`, the default of earlier versions, exists, its data is
   * moved here once.
   * @throws FileWriteError | PrivateFileError | LockFileError | AgentRunningError |
   * DataNotMovedError
   */
  static async open(directory: string, former: string | undefined, logger: Logger): Promise<DataDirectory> {
    if (former !== undefined && !existsSync(directory) && isOfAgent(former)) {
      return new DataDirectory(directory, await move(former, directory, logger))
    }
    await ensurePrivateDirectory(directory)
    return new DataDirectory(directory, lockOf(directory))
  }

  /** Whether there is saved state that needs the existing state key. */
  get isSealed(): boolean {
    return existsSync(this.identityPath)
  }

  [Symbol.dispose](): void {
    this.#lock[Symbol.dispose]()
  }
}

function isOfAgent(directory: string): boolean {
  return (
    existsSync(path.join(directory, 'bot-identity.json')) || existsSync(path.join(directory, 'state.sealed'))
  )
}

/** The lock file moves with the directory, so that neither place can be used meanwhile. */
async function move(from: string, to: string, logger: Logger): Promise<Disposable> {
  await ensurePrivateDirectory(from)
  const lock = lockOf(from)
  try {
    makeDirectories(path.dirname(to), 0o700)
    await replaceFile(from, to)
  } catch (error) {
    lock[Symbol.dispose]()
    throw new DataNotMovedError(from, to, { cause: error, detail: messageOf(error) })
  }
  logger.warn(
    { event: 'state.moved', from, path: to },
    'the data of this agent was inside that of the authority, and has moved',
  )
  return lock
}

function lockOf(directory: string): Disposable {
  const lock = acquireLockFile(path.join(directory, 'agent.lock'))
  if (lock === undefined) throw new AgentRunningError(directory)
  return lock
}
