import type { KeyObject } from 'node:crypto'
import { existsSync } from 'node:fs'
import type { NextKey } from '../../config/next-key.ts'
import { loadSealingKey } from '../../crypto/sealed.ts'
import type { Logger } from '../../foundation/logger.ts'
import type { Random } from '../../foundation/random.ts'
import type { AuditLog } from '../audit/audit-log.ts'
import type { Actor } from '../audit/events.ts'
import { finishHeadKeyChange, takeOverNextHeadKey, writeNextHeadKey } from '../audit/head-key.ts'
import { writeMeta } from '../datastore/meta.ts'
import type { Datastore } from '../datastore/ports.ts'
import { formatKeyCheck, keyOf } from '../datastore/seals/key-check.ts'
import type { Vault } from '../datastore/vault.ts'
import { RekeyRefusedError } from './errors.ts'
import { resealSigningKeys } from './signing-key.ts'

const KEY_BYTES = 32

interface RekeyerDeps {
  readonly datastore: Datastore
  readonly vault: Vault
  readonly audit: AuditLog
  readonly headKeyPath: string
  /** Where the key comes from, for messages. */
  readonly keySource: string
  /** Set when the key is in a file, which the authority can replace by itself. */
  readonly nextKey: NextKey | undefined
  readonly environment: NodeJS.ProcessEnv
  readonly random: Random
  readonly logger: Logger
}

/**
 * Changes the key-encryption key while the authority runs. What counts is the commit in which signing
 * keys, seals and the key check change together. Before it, the new key lies in a file beside the old
 * one; after it, that file replaces the old one. If the authority is killed at any point, its next
 * start finds out which of the two opens the database, and completes or drops the change.
 */
export class Rekeyer {
  readonly #deps: RekeyerDeps
  #isRunning = false

  get keySource(): string {
    return this.#deps.keySource
  }

  constructor(deps: RekeyerDeps) {
    this.#deps = deps
  }

  /**
   * Changes the key.
   * @param given the new key; a random one when undefined
   * @returns whether the new key is in place already; otherwise the operator has to put it there
   * @throws RekeyRefusedError
   */
  async rekey(given: Buffer | undefined, actor: Actor): Promise<{ readonly isInPlace: boolean }> {
    if (this.#isRunning) throw new RekeyRefusedError('the key-encryption key is being changed already')
    const { nextKey, keySource, random } = this.#deps
    if (!nextKey && !given) {
      throw new RekeyRefusedError(
        `the key-encryption key comes from ${keySource}, where the authority cannot change it: make a key (openssl rand -hex 32), keep it, give it with --new-key, and put it there before the next start`,
      )
    }
    const key = given ?? random.bytes(KEY_BYTES)
    this.#isRunning = true
    try {
      await this.#change(key, loadSealingKey(key), actor)
    } finally {
      this.#isRunning = false
    }
    return { isInPlace: nextKey !== undefined }
  }

  async #change(key: Buffer, kek: KeyObject, actor: Actor): Promise<void> {
    const { datastore, vault, audit, headKeyPath, keySource, nextKey, logger } = this.#deps
    if (vault.key.equals(kek)) throw new RekeyRefusedError('the new key is the one that is in use')
    const old = vault.key
    await this.#finishEarlier()
    await nextKey?.write(key)
    await writeNextHeadKey(headKeyPath, audit.headKey, kek)
    try {
      await datastore.transaction(async (tx) => {
        await resealSigningKeys(tx, vault, kek)
        await writeMeta(tx, 'kek_check', formatKeyCheck(kek))
        audit.within(tx, 'key_encryption_key.changed', actor, { source: keySource })
        tx.reseal(kek)
        vault.use(kek) // seals what follows in this transaction
      })
    } catch (error) {
      vault.use(old)
      throw error
    }
    await takeOverNextHeadKey(headKeyPath)
    await nextKey?.takeOver()
    await datastore.flush() // leaves nothing in the write-ahead log that the old key opens
    logger.warn(
      { event: 'key_encryption_key.changed', source: keySource },
      'the key-encryption key has changed',
    )
  }

  /**
   * Completes an earlier change that was interrupted after its commit: its files may be all that
   * holds the key in use.
   */
  async #finishEarlier(): Promise<void> {
    const { vault, headKeyPath, nextKey, environment } = this.#deps
    await finishHeadKeyChange(headKeyPath, vault.key)
    const pending = await nextKey?.load(environment)
    if (pending && loadSealingKey(pending).equals(vault.key)) await nextKey?.takeOver()
  }
}

/**
 * Returns the key that opens the database: the next key, if a change was interrupted after its
 * commit. Also completes or drops that change.
 */
export async function settleKey(
  databasePath: string,
  current: Buffer | undefined,
  deps: {
    readonly nextKey: NextKey | undefined
    readonly environment: NodeJS.ProcessEnv
    readonly logger: Logger
  },
): Promise<Buffer | undefined> {
  const next = await deps.nextKey?.load(deps.environment)
  if (!next || !deps.nextKey || !existsSync(databasePath)) return current
  const candidates = [current, next].flatMap((key) => (key ? [{ key, kek: loadSealingKey(key) }] : []))
  const found = keyOf(databasePath, candidates)
  if (!found) return current
  if (found.key === next) {
    await deps.nextKey.takeOver()
    deps.logger.warn(
      { event: 'key_encryption_key.changed' },
      'an interrupted change of the key-encryption key is now complete',
    )
  } else await deps.nextKey.drop()
  return found.key
}
