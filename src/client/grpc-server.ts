import type { Server as TlsServer } from 'node:tls'
import type { Server, ServerInterceptor } from '@grpc/grpc-js'
import type { SpiffeId } from '../spiffe/spiffe-id.ts'
import type { Grpc } from './grpc-client.ts'
import { peerIdOf, rememberPeer } from './peer-id.ts'
import { createTlsServer } from './tls-server.ts'
import type { MutualTls } from './verify-peer.ts'

/**
 * What a `grpc.Server` listens on in place of `bindAsync`: `createGrpcListener(grpc, server, mtls).listen(50051)`. TLS ends here, and only
 * connections of verified, authorized peers are handed to the server; in a handler `peerIdOf(call)` says whose. grpc-js has no place to
 * decide about a certificate before the calls of its connection run. To stop, close the listener, then `server.tryShutdown`.
 */
export function createGrpcListener(grpc: Grpc, server: Server, mtls: MutualTls): TlsServer {
  return createTlsServer({ ...mtls, ALPNProtocols: ['h2'], noDelay: true }, (socket) => {
    socket.on('error', () => {}) // `close` follows
    const credentials = grpc.experimental.createServerCredentialsWithInterceptors(
      grpc.ServerCredentials.createInsecure(),
      [remembering(grpc, peerIdOf(socket))],
    )
    // One injector for each connection, so that its calls can be nobody else's.
    const injector = server.createConnectionInjector(credentials)
    socket.once('close', () => injector.destroy())
    injector.injectConnection(socket)
  })
}

/** grpc-js hands this very metadata object on to the handler. */
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
