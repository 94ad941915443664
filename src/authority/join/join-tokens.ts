import type { JoinTokenSpec } from '../../config/join-methods/registry.ts'
import type { Clock } from '../../foundation/clock.ts'
import { insertJoinToken } from '../datastore/join-token-repository.ts'
import type { Transaction } from '../datastore/ports.ts'
import type { JoinMethods } from './join-method.ts'

/** Manages the state of join tokens beside their resources: their uses, and what their method stores. */
export class JoinTokens {
  readonly #methods: JoinMethods
  readonly #clock: Clock

  constructor(deps: { readonly methods: JoinMethods; readonly clock: Clock }) {
    this.#methods = deps.methods
    this.#clock = deps.clock
  }

  /**
   * Creates the state of a token whose resource was put in the same transaction. Returns the secret,
   * if the method makes one, to be shown once; undefined when the token existed already. Deleting the
   * resource deletes the state, so a token created again under the same name starts anew.
   */
  async ensure(
    tx: Transaction,
    name: string,
    { method }: Pick<JoinTokenSpec, 'method'>,
  ): Promise<string | undefined> {
    const begun = this.#methods.get(method)?.begin?.()
    const token = { name, methodState: begun?.state ?? '' }
    const isNew = await insertJoinToken(tx, token, this.#clock.now().getTime())
    return isNew ? begun?.secret : undefined
  }
}
