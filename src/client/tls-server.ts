import type { ServerOpts } from 'node:net'
import tls, { type Server, type TLSSocket, type TlsOptions } from 'node:tls'
import { GUARDED, guardServer, HANDSHAKE_TIMEOUT_MS } from './guard-server.ts'
import type { MutualTls } from './verify-peer.ts'

/** What is left to be chosen: certificates, roots, versions and checks are ours. */
export type TlsServerOptions = MutualTls &
  Pick<TlsOptions, 'ALPNProtocols' | 'handshakeTimeout'> &
  Pick<ServerOpts, 'allowHalfOpen' | 'noDelay' | 'keepAlive' | 'keepAliveInitialDelay'>

/** A server of `node:tls` that hears only of verified, authorized peers; see {@link peerIdOf} for who they are. */
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
