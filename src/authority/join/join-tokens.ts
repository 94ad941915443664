import { hash } from 'node:crypto'
import type { Clock } from '../../foundation/clock.ts'
import type { Random } from '../../foundation/random.ts'
import { insertJoinToken } from '../datastore/join-token-repository.ts'
import type { Transaction } from '../datastore/ports.ts'

const SECRET_BYTES = 32

/** Makes the secrets of join tokens of method `secret`. Only their hash is kept (decision 0011). */
export class JoinTokens {
  readonly #random: Random
  readonly #clock: Clock

  constructor(deps: { readonly random: Random; readonly clock: Clock }) {
    this.#random = deps.random
    this.#clock = deps.clock
  }

  /**
   * The new secret of a token whose resource was put in the same transaction, to be shown this once; undefined when the token has
   * one already. The secret goes when the resource is removed, so a token made again under the same name gets a new one.
   */
  async ensureSecret(tx: Transaction, name: string): Promise<string | undefined> {
    const secret = this.#random.bytes(SECRET_BYTES).toString('base64url')
    const token = { name, secretSha256: hashSecret(secret) }
    const isNew = await insertJoinToken(tx, token, this.#clock.now().getTime())
    return isNew ? secret : undefined
  }
}

/** 256 random bits need no slow hash. */
export function hashSecret(secret: string): string {
  return hash('sha256', secret, 'hex')
}
