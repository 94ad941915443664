import type { JoinTokenSpec } from '../../config/join-methods/registry.ts'
import type { Clock } from '../../foundation/clock.ts'
import { insertJoinToken } from '../datastore/join-token-repository.ts'
import type { Transaction } from '../datastore/ports.ts'
import type { JoinMethods } from './join-method.ts'

/** What there is of a join token beside its resource: its uses, and what its method keeps of it. */
export class JoinTokens {
  readonly #methods: JoinMethods
  readonly #clock: Clock

  constructor(deps: { readonly methods: JoinMethods; readonly clock: Clock }) {
    this.#methods = deps.methods
    this.#clock = deps.clock
  }

  /**
   * For a token whose resource was put in the same transaction. Gives its secret, if its method has one, to
   * be shown this once; undefined when the token was there already. All of it goes when the resource is
   * removed, so a token made again under the same name begins anew.
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
