import type { KeyObject } from 'node:crypto'
import { existsSync } from 'node:fs'
import { seal, UnsealError, unseal } from '../../crypto/sealed.ts'
import { readPrivateFile, shredFile, writeFileAtomically } from '../../foundation/atomic-file.ts'
import type { Logger } from '../../foundation/logger.ts'
import { formatStoredIdentity, parseStoredIdentity, type StoredIdentity } from './bot-identity.ts'
import { StateUnreadableError } from './errors.ts'

/** What is sealed, and for whom: another file of this program cannot be put in its place. */
const CONTEXT = 'agent bot identity'

/** Where the bot identity is kept. Nothing is used before it is here: `save` resolves when it would survive a crash. */
export interface IdentityStore {
  readonly stored: StoredIdentity | undefined
  save(stored: StoredIdentity): Promise<void>
}

export interface IdentityPlaces {
  readonly identityPath: string
  /** Where earlier versions kept it, in plain text. */
  readonly plainIdentityPath: string
}

/** One sealed file of mode 0600, replaced as a whole: key and certificate can never be of two minds. */
export class IdentityFile implements IdentityStore {
  readonly #path: string
  readonly #key: KeyObject
  #stored: StoredIdentity | undefined

  private constructor(path: string, key: KeyObject, stored: StoredIdentity | undefined) {
    this.#path = path
    this.#key = key
    this.#stored = stored
  }

  /** @throws PrivateFileError when others could have read or written it */
  static async open(places: IdentityPlaces, key: KeyObject, logger: Logger): Promise<IdentityFile> {
    const { identityPath, plainIdentityPath } = places
    const isSealed = existsSync(identityPath)
    const from = isSealed ? identityPath : plainIdentityPath
    const stored = existsSync(from) ? await read(from, isSealed ? key : undefined, logger) : undefined
    const file = new IdentityFile(identityPath, key, stored)
    if (!existsSync(plainIdentityPath)) return file
    if (!isSealed && stored) {
      await file.save(stored)
      logger.warn(
        { event: 'identity.sealed', from: plainIdentityPath, path: identityPath },
        'the bot identity was stored in plain text; it is sealed now, and the plain file is removed',
      )
    }
    // Also what a crash between the two has left, and what cannot be read: there may be a key in it.
    await shredFile(plainIdentityPath)
    return file
  }

  get stored(): StoredIdentity | undefined {
    return this.#stored
  }

  async save(stored: StoredIdentity): Promise<void> {
    const sealed = seal(this.#key, Buffer.from(formatStoredIdentity(stored)), CONTEXT)
    await writeFileAtomically(this.#path, sealed, { mode: 0o600 })
    this.#stored = stored
  }
}

async function read(
  path: string,
  key: KeyObject | undefined,
  logger: Logger,
): Promise<StoredIdentity | undefined> {
  const bytes = await readPrivateFile(path)
  try {
    return parseStoredIdentity((key ? unseal(key, bytes, CONTEXT) : bytes).toString())
  } catch (error) {
    if (!(error instanceof StateUnreadableError || error instanceof UnsealError)) throw error
    // The agent has lost who it was; with a join secret it can become somebody again.
    logger.error({ event: 'identity.unreadable', path, err: error }, 'the saved bot identity cannot be read')
    return undefined
  }
}
