import type { Clock } from '../../foundation/clock.ts'
import { RpcError, StatusCode } from '../../rpc/status.ts'
import type { StoredIdentity } from '../state/bot-identity.ts'
import type { AuthorityClient, AuthorityDoor } from './authority-door.ts'

/** How long calls in progress on the old connection may take to finish. */
const LINGER_MS = 30_000

/**
 * The connection to the authority that presents the bot certificate. A new certificate needs a new
 * connection.
 */
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

  /** Presents the certificate of `stored` from now on. Connects at the first call. */
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
