import type { Clock } from '../foundation/clock.ts'
import type { RpcClient } from '../rpc/client.ts'
import { RpcError, StatusCode } from '../rpc/status.ts'
import type { StoredIdentity } from './state/bot-identity.ts'

/** What the rest of the agent needs of a client. */
export type AuthorityClient = Pick<RpcClient, 'unary' | 'stream'>

/** Calls that are under way on the old channel may still come to their end. */
const LINGER_MS = 30_000

export interface AuthorityLinkDeps {
  readonly address: { readonly host: string; readonly port: number }
  readonly clock: Clock
}

/** The channel to the authority that shows the bot certificate; another certificate means another channel. */
export class AuthorityLink implements Disposable {
  readonly #deps: AuthorityLinkDeps
  #client: RpcClient | undefined

  constructor(deps: AuthorityLinkDeps) {
    this.#deps = deps
  }

  /** @throws RpcError UNAVAILABLE while this agent has no bot identity */
  get client(): AuthorityClient {
    if (this.#client === undefined) throw new RpcError(StatusCode.UNAVAILABLE, 'not joined yet')
    return this.#client
  }

  /** Connects, at the first call, as the bot that `stored` says. */
  async use(stored: StoredIdentity): Promise<void> {
    const client = await connect(this.#deps.address, stored)
    const old = this.#client
    this.#client = client
    if (old !== undefined) this.#deps.clock.schedule(LINGER_MS, () => old.close())
  }

  [Symbol.dispose](): void {
    this.#client?.close()
    this.#client = undefined
  }
}

/** A channel to the authority, as a bot once there is a certificate, as nobody before. */
export async function connect(
  address: { readonly host: string; readonly port: number },
  { trustDomain, roots, current }: Pick<StoredIdentity, 'trustDomain' | 'roots' | 'current'>,
): Promise<RpcClient> {
  const { RpcClient } = await import('../rpc/client.ts') // late: a start from saved state does not need it
  const serverName = `authority.${trustDomain}`
  const shown = current && { key: current.key.privateKey, chain: current.chain }
  return new RpcClient({ target: { ...address, tls: { roots, serverName, ...shown } } })
}
