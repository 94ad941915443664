import { encodeMessage, type ServiceName } from '../../src/rpc/services.ts'
import { grpcFrame } from './rpc-stack.ts'

/**
 * The shape of a method: one response, responses for the life of the stream, or one response for
 * each request.
 */
type Shape = 'unary' | 'watch' | 'conversation'

export interface AgentMethod {
  readonly path: string
  readonly shape: Shape
  /** A framed request that succeeds for a caller with an identity. */
  readonly request: Buffer
}

const method = (
  service: ServiceName,
  name: string,
  shape: Shape,
  type: string,
  request: object,
): AgentMethod => ({ path: `/${service}/${name}`, shape, request: grpcFrame(encodeMessage(type, request)) })

const REFLECTION = 'grpc.reflection.v1.ServerReflection'
export const REFLECTION_PATH = `/${REFLECTION}/ServerReflectionInfo`
const SDS = 'envoy.service.secret.v3.SecretDiscoveryService'
const DISCOVERY = 'envoy.service.discovery.v3'

/**
 * All methods that an agent serves to workloads. The transport tests run for each of them, so a new
 * method needs a line here.
 */
export const SERVED: readonly AgentMethod[] = [
  method('SpiffeWorkloadAPI', 'FetchX509SVID', 'watch', 'X509SVIDRequest', {}),
  method('SpiffeWorkloadAPI', 'FetchX509Bundles', 'watch', 'X509BundlesRequest', {}),
  method('SpiffeWorkloadAPI', 'FetchJWTBundles', 'watch', 'JWTBundlesRequest', {}),
  method('SpiffeWorkloadAPI', 'FetchJWTSVID', 'unary', 'JWTSVIDRequest', { audience: ['a'] }),
  method('grpc.health.v1.Health', 'Check', 'unary', 'grpc.health.v1.HealthCheckRequest', {}),
  method('grpc.health.v1.Health', 'Watch', 'watch', 'grpc.health.v1.HealthCheckRequest', {}),
  method(REFLECTION, 'ServerReflectionInfo', 'conversation', `${REFLECTION}Request`, { listServices: '*' }),
  method(SDS, 'StreamSecrets', 'conversation', `${DISCOVERY}.DiscoveryRequest`, {
    resourceNames: ['default'],
  }),
  method(SDS, 'DeltaSecrets', 'conversation', `${DISCOVERY}.DeltaDiscoveryRequest`, {
    resourceNamesSubscribe: ['default'],
  }),
  method(SDS, 'FetchSecrets', 'unary', `${DISCOVERY}.DiscoveryRequest`, { resourceNames: ['default'] }),
]

/** Methods that exist but refuse this request. */
export const REFUSED: readonly AgentMethod[] = [
  method('SpiffeWorkloadAPI', 'ValidateJWTSVID', 'unary', 'ValidateJWTSVIDRequest', {
    audience: 'a',
    svid: 'b',
  }),
  method('SpiffeWorkloadAPI', 'FetchWITSVID', 'watch', 'WITSVIDRequest', {}),
  method('SpiffeWorkloadAPI', 'FetchWITBundles', 'watch', 'WITBundlesRequest', {}),
]

export const streams = (of: readonly AgentMethod[]): AgentMethod[] =>
  of.filter(({ shape }) => shape !== 'unary')
