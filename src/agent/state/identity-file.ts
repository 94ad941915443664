import { existsSync } from 'node:fs'
import { readPrivateFile, writeFileAtomically } from '../../foundation/atomic-file.ts'
import type { Logger } from '../../foundation/logger.ts'
import { formatStoredIdentity, parseStoredIdentity, type StoredIdentity } from './bot-identity.ts'
import { StateUnreadableError } from './errors.ts'

/** Where the bot identity is kept. Nothing is used before it is here: `save` resolves when it would survive a crash. */
export interface IdentityStore {
  readonly stored: StoredIdentity | undefined
  save(stored: StoredIdentity): Promise<void>
}

/** One file of mode 0600, replaced as a whole: key and certificate can never be of two minds. */
export class IdentityFile implements IdentityStore {
  readonly #path: string
  #stored: StoredIdentity | undefined

  private constructor(path: string, stored: StoredIdentity | undefined) {
    this.#path = path
    this.#stored = stored
  }

  /** @throws PrivateFileError when others could have read or written it */
  static async open(path: string, logger: Logger): Promise<IdentityFile> {
    if (!existsSync(path)) return new IdentityFile(path, undefined)
    const text = await readPrivateFile(path)
    try {
      return new IdentityFile(path, parseStoredIdentity(text.toString()))
    } catch (error) {
      if (!(error instanceof StateUnreadableError)) throw error
      // The agent has lost who it was; with a join secret it can become somebody again.
      logger.error({ event: 'identity.unreadable', path, err: error }, 'the bot identity is lost')
      return new IdentityFile(path, undefined)
    }
  }

  get stored(): StoredIdentity | undefined {
    return this.#stored
  }

  async save(stored: StoredIdentity): Promise<void> {
    await writeFileAtomically(this.#path, formatStoredIdentity(stored), { mode: 0o600 })
    this.#stored = stored
  }
}
