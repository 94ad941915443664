import type { ServerOpts } from 'node:net'
import tls, { type Server, type TLSSocket, type TlsOptions } from 'node:tls'
import { GUARDED, guardServer, HANDSHAKE_TIMEOUT_MS } from './guard-server.ts'
import type { MutualTls } from './verify-peer.ts'

/** The options that remain; certificates, roots, versions and checks are fixed. */
export type TlsServerOptions = MutualTls &
  Pick<TlsOptions, 'ALPNProtocols' | 'handshakeTimeout'> &
  Pick<ServerOpts, 'allowHalfOpen' | 'noDelay' | 'keepAlive' | 'keepAliveInitialDelay'>

/**
 * Creates a `node:tls` server that accepts only verified and authorized peers; {@link peerIdOf}
 * returns their SPIFFE IDs.
 */
export function createTlsServer(
  options: TlsServerOptions,
  onConnection?: (socket: TLSSocket) => void,
): Server {
  const { source, authorize, ...rest } = options
  const server = tls.createServer(
    { handshakeTimeout: HANDSHAKE_TIMEOUT_MS, ...rest, ...GUARDED },
    onConnection,
  )
  return guardServer(server, { source, authorize })
}
