import { isIP, type Socket } from 'node:net'
import tls from 'node:tls'
import type { ChannelCredentials } from '@grpc/grpc-js'
import { connectTls } from './connect-tls.ts'
import type { MutualTls } from './verify-peer.ts'

/** The module `@grpc/grpc-js`, as imported by the program that creates the channel. */
export type Grpc = typeof import('@grpc/grpc-js')

const HOST = /^(?:\[[^\]]*\]|([^:]+))(?::\d+)?$/

/**
 * Creates channel credentials that connect to verified and authorized servers only. Each new
 * connection presents the SVID that is current when it is opened; open connections are kept.
 * Channels share a connection only if they use the same credentials object.
 */
export function createGrpcChannelCredentials(
  grpc: Pick<Grpc, 'credentials'>,
  mtls: MutualTls,
): ChannelCredentials {
  // A placeholder that makes grpc-js use TLS; `connectTls` builds the context of each connection.
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
  // The default compares contexts and callbacks, not `authorize`.
  credentials._equals = (other) => other === credentials
  return credentials
}

/** The SNI name, for proxies that route by it. IP addresses are not allowed there (RFC 6066 §3). */
function serverName(name: string | undefined): string | undefined {
  return name === undefined || isIP(name) !== 0 ? undefined : name
}
