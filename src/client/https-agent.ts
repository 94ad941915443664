import https, { type AgentOptions, type RequestOptions } from 'node:https'
import type { Duplex } from 'node:stream'
import { connectTls } from './connect-tls.ts'
import type { MutualTls } from './verify-peer.ts'

/**
 * Options of a `node:http` agent; the TLS options are fixed. `maxSockets` is left out: Node counts
 * a connection only once it is handed out, so connections that are still being verified would
 * exceed it.
 */
export type HttpsAgentOptions = MutualTls &
  Pick<AgentOptions, 'keepAlive' | 'keepAliveMsecs' | 'maxFreeSockets' | 'timeout' | 'scheduling'>

/**
 * Creates an agent for `https.request` and `https.get` that connects to verified and authorized
 * servers only. Each new connection presents the SVID that is current when it is opened; pooled
 * connections are kept. Use one agent per `authorize`; agents never share connections.
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
    // The `socketPath` of a request; Node passes it on as `path`.
    const where = path ? { path } : { host: host ?? 'localhost', port: Number(port ?? 443) }
    void connectTls({ ...this.#mtls, ...where, servername, lookup, ALPNProtocols: ['http/1.1'] }).then(
      (socket) => callback?.(null, socket),
      (error) => callback?.(error, undefined as unknown as Duplex),
    )
  }
}
