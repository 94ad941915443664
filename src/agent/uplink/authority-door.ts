import type { Clock } from '../../foundation/clock.ts'
import type { HostPort } from '../../foundation/host-port.ts'
import type { RpcClient } from '../../rpc/client.ts'
import type { AuthorityRoot } from '../../rpc/first-contact.ts'
import { authorityName } from '../../spiffe/authority-name.ts'
import type { StoredIdentity } from '../state/bot-identity.ts'

/** The part of a client that the agent uses. */
export type AuthorityClient = Pick<RpcClient, 'unary' | 'stream' | 'converse' | 'close'>

/** The identity that the agent presents. Without a certificate it can only join. */
export type Appearance = Pick<StoredIdentity, 'trustDomain' | 'roots' | 'current'>

/** Opens connections to the authority. */
export interface AuthorityDoor {
  /** Fetches the root that the pin names. Sends no proof and no secret. */
  firstContact(pin: string): Promise<AuthorityRoot>
  /** Returns a client that connects at its first call. */
  open(appearance: Appearance): Promise<AuthorityClient>
}

export class NetworkDoor implements AuthorityDoor {
  readonly #address: HostPort
  readonly #clock: Clock

  constructor(address: HostPort, clock: Clock) {
    this.#address = address
    this.#clock = clock
  }

  async firstContact(pin: string): Promise<AuthorityRoot> {
    const { fetchAuthorityRoot } = await import('../../rpc/first-contact.ts')
    return fetchAuthorityRoot(this.#address, pin, { clock: this.#clock })
  }

  async open({ trustDomain, roots, current }: Appearance): Promise<AuthorityClient> {
    // Imported late, because a start from saved state does not need it.
    const { RpcClient } = await import('../../rpc/client.ts')
    const serverName = authorityName(trustDomain)
    const shown = current && { key: current.key.privateKey, chain: current.chain }
    return new RpcClient({ target: { ...this.#address, tls: { roots, serverName, ...shown } } })
  }
}
