import https, { type AgentOptions, type RequestOptions } from 'node:https'
import type { Duplex } from 'node:stream'
import { connectTls } from './connect-tls.ts'
import type { MutualTls } from './verify-peer.ts'

/**
 * Options of an agent of `node:http`; those of TLS are ours. Without `maxSockets`: Node counts a connection only when it is handed out, so
 * many that are being verified at once would exceed it.
 */
export type HttpsAgentOptions = MutualTls &
  Pick<AgentOptions, 'keepAlive' | 'keepAliveMsecs' | 'maxFreeSockets' | 'timeout' | 'scheduling'>

/**
 * For `https.request` and `https.get`: connects to verified, authorized servers only. Each new connection shows the SVID of that moment; kept
 * ones go on. An agent for each authorization: connections are never shared between two.
 */
export function createHttpsAgent({ source, authorize, ...options }: HttpsAgentOptions): https.Agent {
  return new MutualTlsAgent({ source, authorize }, options)
}

class MutualTlsAgent extends https.Agent {
  readonly #mtls: MutualTls

  constructor(mtls: MutualTls, options: AgentOptions) {
    super(options)
    this.#mtls = mtls
  }

  override createConnection(
    { host, port, servername, path, lookup }: RequestOptions & { servername?: string },
    callback?: (error: Error | null, socket: Duplex) => void,
  ): undefined {
    // An agent for a Unix socket is told so by `socketPath`, which Node hands on as `path`.
    const where = path ? { path } : { host: host ?? 'localhost', port: Number(port ?? 443) }
    void connectTls({ ...this.#mtls, ...where, servername, lookup, ALPNProtocols: ['http/1.1'] }).then(
      (socket) => callback?.(null, socket),
      (error) => callback?.(error, undefined as unknown as Duplex),
    )
  }
}
