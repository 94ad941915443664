import path from 'node:path'
import { ensurePrivateDirectory } from '../../foundation/atomic-file.ts'
import { acquireLockFile } from '../../peer/lock-file.ts'
import { AgentRunningError } from './errors.ts'

/** The directory of one agent, which nobody else may read, and no second agent use. */
export class DataDirectory implements Disposable {
  readonly identityPath: string
  readonly statePath: string
  readonly #lock: Disposable

  private constructor(directory: string, lock: Disposable) {
    this.identityPath = path.join(directory, 'bot-identity.json')
    this.statePath = path.join(directory, 'state.sealed')
    this.#lock = lock
  }

  /** @throws FileWriteError | PrivateFileError | LockFileError | AgentRunningError */
  static async open(directory: string): Promise<DataDirectory> {
    await ensurePrivateDirectory(directory)
    const lock = acquireLockFile(path.join(directory, 'agent.lock'))
    if (lock === undefined) throw new AgentRunningError(directory)
    return new DataDirectory(directory, lock)
  }

  [Symbol.dispose](): void {
    this.#lock[Symbol.dispose]()
  }
}
