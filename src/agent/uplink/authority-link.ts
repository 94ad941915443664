import type { Clock } from '../../foundation/clock.ts'
import { RpcError, StatusCode } from '../../rpc/status.ts'
import type { StoredIdentity } from '../state/bot-identity.ts'
import type { AuthorityClient, AuthorityDoor } from './authority-door.ts'

/** Calls that are under way on the old channel may still come to their end. */
const LINGER_MS = 30_000

/** The channel to the authority that shows the bot certificate; another certificate means another channel. */
export class AuthorityLink implements Disposable {
  readonly #door: AuthorityDoor
  readonly #clock: Clock
  #client: AuthorityClient | undefined

  constructor(door: AuthorityDoor, clock: Clock) {
    this.#door = door
    this.#clock = clock
  }

  /** @throws RpcError UNAVAILABLE while this agent has no bot identity */
  get client(): AuthorityClient {
    if (this.#client === undefined) throw new RpcError(StatusCode.UNAVAILABLE, 'not joined yet')
    return this.#client
  }

  /** Connects, at the first call, as the bot that `stored` says. */
  async use(stored: StoredIdentity): Promise<void> {
    const client = await this.#door.open(stored)
    const old = this.#client
    this.#client = client
    if (old !== undefined) this.#clock.schedule(LINGER_MS, () => old.close())
  }

  [Symbol.dispose](): void {
    this.#client?.close()
    this.#client = undefined
  }
}
