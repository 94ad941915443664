import type { RequestListener, ServerOptions } from 'node:http'
import https, { type Server } from 'node:https'
import { GUARDED, guardServer, HANDSHAKE_TIMEOUT_MS } from './guard-server.ts'
import type { MutualTls } from './verify-peer.ts'

/** The options of a `node:http` server; the TLS options are fixed. */
export type HttpsServerOptions = MutualTls & Omit<ServerOptions, 'IncomingMessage' | 'ServerResponse'>

/**
 * Creates a `node:https` server whose handler sees only requests of verified and authorized peers.
 * `peerIdOf(request)` returns the peer's SPIFFE ID.
 */
export function createHttpsServer(options: HttpsServerOptions, onRequest?: RequestListener): Server {
  const { source, authorize, ...rest } = options
  const server = https.createServer(
    { handshakeTimeout: HANDSHAKE_TIMEOUT_MS, ...rest, ...GUARDED },
    onRequest,
  )
  return guardServer(server, { source, authorize })
}
