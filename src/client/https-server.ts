import type { RequestListener, ServerOptions } from 'node:http'
import https, { type Server } from 'node:https'
import { GUARDED, guardServer, HANDSHAKE_TIMEOUT_MS } from './guard-server.ts'
import type { MutualTls } from './verify-peer.ts'

/** The options of `node:http`; those of TLS are ours. */
export type HttpsServerOptions = MutualTls & Omit<ServerOptions, 'IncomingMessage' | 'ServerResponse'>

/** A server of `node:https` whose handler sees only requests of verified, authorized peers; `peerIdOf(request)` says whose. */
export function createHttpsServer(options: HttpsServerOptions, onRequest?: RequestListener): Server {
  const { source, authorize, ...rest } = options
  const server = https.createServer(
    { handshakeTimeout: HANDSHAKE_TIMEOUT_MS, ...rest, ...GUARDED },
    onRequest,
  )
  return guardServer(server, { source, authorize })
}
