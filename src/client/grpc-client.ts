import { isIP, type Socket } from 'node:net'
import tls from 'node:tls'
import type { ChannelCredentials } from '@grpc/grpc-js'
import { connectTls } from './connect-tls.ts'
import type { MutualTls } from './verify-peer.ts'

/** `import * as grpc from '@grpc/grpc-js'`: it has to be the copy that makes the channel. */
export type Grpc = typeof import('@grpc/grpc-js')

const HOST = /^(?:\[[^\]]*\]|([^:]+))(?::\d+)?$/

/**
 * Channel credentials that connect to verified, authorized servers only. Each new connection shows the SVID of that moment; those that are
 * there go on. Channels share a connection only when they have these very credentials.
 */
export function createGrpcChannelCredentials(
  grpc: Pick<Grpc, 'credentials'>,
  mtls: MutualTls,
): ChannelCredentials {
  // Only its kind matters: the connection is made with the context of its own moment.
  const credentials = grpc.credentials.createFromSecureContext(tls.createSecureContext({ ca: [] }))
  const create = credentials._createSecureConnector.bind(credentials)
  credentials._createSecureConnector = (target, options, calls) => {
    const connector = create(target, options, calls)
    const name = options['grpc.ssl_target_name_override'] ?? HOST.exec(target.path)?.[1]
    connector.connect = async (socket: Socket) => ({
      socket: await connectTls({ ...mtls, socket, servername: serverName(name), ALPNProtocols: ['h2'] }),
      secure: true,
    })
    return connector
  }
  // grpc-js compares contexts and callbacks, and knows nothing of who is authorized.
  credentials._equals = (other) => other === credentials
  return credentials
}

/** Only for whoever routes by it; an address is no name (RFC 6066 §3). */
function serverName(name: string | undefined): string | undefined {
  return name === undefined || isIP(name) !== 0 ? undefined : name
}
