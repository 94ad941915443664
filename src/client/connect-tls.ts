import { once } from 'node:events'
import tls, { type ConnectionOptions, type TLSSocket } from 'node:tls'
import { HANDSHAKE_TIMEOUT_MS } from './guard-server.ts'
import { clientContext } from './tls-context.ts'
import { type MutualTls, verifyPeer } from './verify-peer.ts'

export type ConnectTlsOptions = MutualTls &
  Pick<ConnectionOptions, 'host' | 'port' | 'path' | 'socket' | 'servername' | 'ALPNProtocols' | 'lookup'> & {
    /** Gives the attempt up; so do ten seconds. */
    readonly signal?: AbortSignal | undefined
  }

/**
 * A connection to a verified, authorized peer. Names and addresses only lead there, they prove nothing. A server that does not want us may
 * say so after this has resolved, by closing: in TLS 1.3 the client is done first.
 * @throws NoSvidError | PeerRefusedError, and errors of Node
 */
export async function connectTls(options: ConnectTlsOptions): Promise<TLSSocket> {
  const { source, authorize, signal, ...where } = options
  const timeout = AbortSignal.timeout(HANDSHAKE_TIMEOUT_MS)
  const giveUp = signal === undefined ? timeout : AbortSignal.any([timeout, signal])
  const socket = tls.connect({
    ...where,
    secureContext: clientContext(source.svid),
    rejectUnauthorized: false, // what the chain is worth is found out below, before anybody gets the socket
  })
  try {
    await once(socket, 'secureConnect', { signal: giveUp })
    verifyPeer(socket, { source, authorize })
    return socket
  } catch (error) {
    socket.on('error', () => {}) // it is over; `close` follows
    socket.destroy()
    throw giveUp.aborted ? giveUp.reason : error
  }
}
