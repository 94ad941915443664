import type { KeyObject } from 'node:crypto'
import type { Socket } from 'node:net'
import tls, { type SecureContextOptions } from 'node:tls'
import { type ChannelCredentials, credentials } from '@grpc/grpc-js'
import { encodePem } from '../crypto/pem.ts'
import type { ConnectStage } from './client-failure.ts'
import { handshakeText } from './connect-failures.ts'
import { pemChain } from './pem-chain.ts'

/** How a client authenticates its server, and the certificate that it presents itself. */
export interface ClientTls {
  /** Trusted roots, DER. The system's roots are never used. */
  readonly roots: readonly Buffer[]
  /** `authority.<trust domain>`, whatever address the client connects to. */
  readonly serverName: string
  readonly key?: KeyObject
  /** The client's certificate chain, DER, leaf first. */
  readonly chain?: readonly Buffer[]
}

/** A TLS 1.3 context that trusts only the given roots. */
function createClientContext(input: ClientTls): tls.SecureContext {
  // With an empty `ca` Node would use the system's roots.
  if (input.roots.length === 0) throw new TypeError('at least one root is needed')
  const options: SecureContextOptions = {
    minVersion: 'TLSv1.3',
    ca: input.roots.map((der) => encodePem('CERTIFICATE', der)),
  }
  if (input.key !== undefined && input.chain !== undefined) {
    options.key = input.key.export({ type: 'pkcs8', format: 'pem' }) as string
    options.cert = pemChain(input.chain)
  }
  return tls.createSecureContext(options)
}

/** How far the connection of a channel has come. */
export interface ConnectProgress {
  /**
   * Sockets in the middle of a handshake. grpc-js loses track of them if the channel is closed
   * meanwhile.
   */
  readonly handshaking: Set<Socket>
  stage: ConnectStage
}

/**
 * Creates the credentials of a channel. Whoever closes the channel must destroy the sockets in
 * `handshaking`: a peer that never answers would otherwise keep the process alive.
 */
export function createChannelCredentials(input: ClientTls, progress: ConnectProgress): ChannelCredentials {
  const channel = credentials.createFromSecureContext(createClientContext(input))
  const create = channel._createSecureConnector.bind(channel)
  channel._createSecureConnector = (...target) => {
    const connector = create(...target)
    const connect = connector.connect.bind(connector)
    connector.connect = async (socket) => {
      progress.handshaking.add(socket)
      progress.stage = 'tls'
      try {
        const connected = await connect(socket)
        progress.stage = 'http2'
        return connected
      } catch (error) {
        progress.stage = 'tcp' // the next attempt starts over
        if (error instanceof Error) error.message = handshakeText(error)
        throw error
      } finally {
        progress.handshaking.delete(socket)
      }
    }
    return connector
  }
  return channel
}
