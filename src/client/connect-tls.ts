import { once } from 'node:events'
import tls, { type ConnectionOptions, type TLSSocket } from 'node:tls'
import { HANDSHAKE_TIMEOUT_MS } from './guard-server.ts'
import { clientContext } from './tls-context.ts'
import { type MutualTls, verifyPeer } from './verify-peer.ts'

export type ConnectTlsOptions = MutualTls &
  Pick<ConnectionOptions, 'host' | 'port' | 'path' | 'socket' | 'servername' | 'ALPNProtocols' | 'lookup'> & {
    /** Aborts the attempt. It also times out after ten seconds. */
    readonly signal?: AbortSignal | undefined
  }

/**
 * Connects to a peer and resolves once the peer is verified and authorized. Host names and
 * addresses are used for routing only and prove nothing. In TLS 1.3 the client finishes the
 * handshake first, so a server that refuses this client may close the connection after this has
 * resolved.
 * @throws NoSvidError | PeerRefusedError, and Node's own connection errors
 */
export async function connectTls(options: ConnectTlsOptions): Promise<TLSSocket> {
  const { source, authorize, signal, ...where } = options
  const timeout = AbortSignal.timeout(HANDSHAKE_TIMEOUT_MS)
  const giveUp = signal === undefined ? timeout : AbortSignal.any([timeout, signal])
  const socket = tls.connect({
    ...where,
    secureContext: clientContext(source.svid),
    rejectUnauthorized: false, // verifyPeer below validates the chain before the caller gets the socket
  })
  try {
    await once(socket, 'secureConnect', { signal: giveUp })
    verifyPeer(socket, { source, authorize })
    return socket
  } catch (error) {
    socket.on('error', () => {}) // already failing; `close` follows
    socket.destroy()
    throw giveUp.aborted ? giveUp.reason : error
  }
}
