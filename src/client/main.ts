/** The public API of `@signet-spiffe/client`, the library for Node programs. */
export { RpcError } from '../rpc/status.ts'
export { Bundle } from '../spiffe/bundle.ts'
export { SpiffeId } from '../spiffe/spiffe-id.ts'
export { type Authorizer, authorizeAny, authorizeId, authorizeMemberOf } from './authorize.ts'
export { type ConnectTlsOptions, connectTls } from './connect-tls.ts'
export {
  EndpointUnknownError,
  InvalidUpdateError,
  NoSvidError,
  PeerRefusedError,
  SourceNotReadyError,
} from './errors.ts'
export { createGrpcChannelCredentials } from './grpc-client.ts'
export { createGrpcListener } from './grpc-server.ts'
export { createHttpsAgent, type HttpsAgentOptions } from './https-agent.ts'
export { createHttpsServer, type HttpsServerOptions } from './https-server.ts'
export { peerIdOf } from './peer-id.ts'
export { createTlsServer, type TlsServerOptions } from './tls-server.ts'
export type { MutualTls } from './verify-peer.ts'
export { type SvidPick, X509Source, type X509SourceOptions } from './x509-source.ts'
export type { OwnX509Svid } from './x509-update.ts'
