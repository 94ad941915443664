import type { Server as TlsServer } from 'node:tls'
import type { Server, ServerInterceptor } from '@grpc/grpc-js'
import type { SpiffeId } from '../spiffe/spiffe-id.ts'
import type { Grpc } from './grpc-client.ts'
import { peerIdOf, rememberPeer } from './peer-id.ts'
import { createTlsServer } from './tls-server.ts'
import type { MutualTls } from './verify-peer.ts'

/**
 * Creates the listener of a `grpc.Server`, in place of `bindAsync`: `createGrpcListener(grpc,
 * server, mtls).listen(50051)`. The listener terminates TLS and hands only connections of verified
 * and authorized peers to the server; in a handler, `peerIdOf(call)` returns the peer's SPIFFE ID.
 * (grpc-js itself offers no hook to check a certificate before the calls of its connection run.) To
 * stop, close the listener, then call `server.tryShutdown`.
 */
export function createGrpcListener(grpc: Grpc, server: Server, mtls: MutualTls): TlsServer {
  return createTlsServer({ ...mtls, ALPNProtocols: ['h2'], noDelay: true }, (socket) => {
    socket.on('error', () => {}) // `close` follows
    const credentials = grpc.experimental.createServerCredentialsWithInterceptors(
      grpc.ServerCredentials.createInsecure(),
      [remembering(grpc, peerIdOf(socket))],
    )
    // One injector per connection ties its calls to its peer.
    const injector = server.createConnectionInjector(credentials)
    socket.once('close', () => injector.destroy())
    injector.injectConnection(socket)
  })
}

/** grpc-js passes the same metadata object on to the handler. */
function remembering(grpc: Grpc, peerId: SpiffeId): ServerInterceptor {
  return (_method, call) =>
    new grpc.ServerInterceptingCall(call, {
      start: (next) =>
        next({
          onReceiveMetadata: (metadata, pass) => {
            rememberPeer(metadata, peerId)
            pass(metadata)
          },
        }),
    })
}
