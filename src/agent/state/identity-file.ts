import type { KeyObject } from 'node:crypto'
import { existsSync } from 'node:fs'
import { seal, UnsealError, unseal } from '../../crypto/sealed.ts'
import { readPrivateFile, shredFile, writeFileAtomically } from '../../foundation/atomic-file.ts'
import type { Logger } from '../../foundation/logger.ts'
import { formatStoredIdentity, parseStoredIdentity, type StoredIdentity } from './bot-identity.ts'
import { StateUnreadableError } from './errors.ts'

/** The sealing context, which prevents another sealed file from being put in its place. */
const CONTEXT = 'agent bot identity'

/**
 * Stores the bot identity. `save` resolves once the identity would survive a crash; nothing is used
 * before.
 */
export interface IdentityStore {
  readonly stored: StoredIdentity | undefined
  save(stored: StoredIdentity): Promise<void>
}

export interface IdentityPlaces {
  readonly identityPath: string
  /** Where earlier versions stored it in plain text. */
  readonly plainIdentityPath: string
}

/**
 * Stores the bot identity in one sealed file of mode 0600, replaced atomically, so key and
 * certificate can never disagree.
 */
export class IdentityFile implements IdentityStore {
  readonly #path: string
  readonly #key: KeyObject
  #stored: StoredIdentity | undefined

  private constructor(path: string, key: KeyObject, stored: StoredIdentity | undefined) {
    this.#path = path
    this.#key = key
    this.#stored = stored
  }

  /** @throws PrivateFileError if other users can read or write the file */
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
    // Also removes what a crash between the two steps left, and an unreadable file, which may
    // contain a key.
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
    // The identity is lost, but with a join secret the agent can join again.
    logger.error({ event: 'identity.unreadable', path, err: error }, 'the saved bot identity cannot be read')
    return undefined
  }
}
