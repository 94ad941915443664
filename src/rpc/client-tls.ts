import type { KeyObject } from 'node:crypto'
import type { Socket } from 'node:net'
import tls, { type SecureContextOptions } from 'node:tls'
import { type ChannelCredentials, credentials } from '@grpc/grpc-js'
import { encodePem } from '../crypto/pem.ts'
import type { ConnectStage } from './client-failure.ts'
import { pemChain } from './pem-chain.ts'

/** How a client knows its server, and what it shows of itself. */
export interface ClientTls {
  /** DER of the only roots that count; those of the system never do. */
  readonly roots: readonly Buffer[]
  /** `authority.<trust domain>`, whatever address the server is reached by. */
  readonly serverName: string
  readonly key?: KeyObject
  /** DER, leaf first. */
  readonly chain?: readonly Buffer[]
}

/** A context for TLS 1.3 in which only the given roots count. */
function createClientContext(input: ClientTls): tls.SecureContext {
  // An empty `ca` would make Node fall back to the system's roots.
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

/** How far the connection of a channel has come, for whoever gives up waiting for it. */
export interface ConnectProgress {
  /** Sockets whose handshake is under way: grpc-js forgets them when a channel is closed meanwhile. */
  readonly handshaking: Set<Socket>
  stage: ConnectStage
}

/** Credentials of a channel. Whoever closes it destroys what is `handshaking`: a peer that never answers would keep the process alive. */
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
        progress.stage = 'tcp' // of the next attempt
        throw error
      } finally {
        progress.handshaking.delete(socket)
      }
    }
    return connector
  }
  return channel
}
