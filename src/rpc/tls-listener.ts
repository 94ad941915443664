import { constants as cryptoConstants, type KeyObject } from 'node:crypto'
import { once } from 'node:events'
import net from 'node:net'
import tls, { type TLSSocket } from 'node:tls'
import { type Certificate, parseCertificate } from '../crypto/x509.ts'
import type { Clock } from '../foundation/clock.ts'
import { CodedError, messageOf } from '../foundation/errors.ts'
import { formatHostPort, parseHostPort } from '../foundation/host-port.ts'
import type { Logger } from '../foundation/logger.ts'
import type { Metrics } from '../foundation/metrics.ts'
import { RefusedConnections } from '../peer/refused-connections.ts'
import { addressKey } from './address-key.ts'
import { ConnectionPool, type PoolMember } from './connection-pool.ts'
import { pemChain } from './pem-chain.ts'
import { type ClientCas, checkClientCertificate } from './tls-client-certificate.ts'

/** The listener's own certificate, and the CAs that it accepts for clients. */
interface TlsListenerIdentity {
  /** DER, leaf first and with the root last, because agents compare the root with their pin. */
  readonly chain: readonly Buffer[]
  readonly key: KeyObject
  readonly clientRoots: readonly Buffer[]
  /**
   * CAs under those roots that issue client certificates. Node 24 does not tell a server which
   * intermediates a client sent.
   */
  readonly clientIssuers: readonly Buffer[]
}

export interface TlsListenerOptions {
  /** `host:port`; port 0 chooses a free port. */
  readonly listen: string
  /** Called now and at each {@link TlsListener.reload}. */
  readonly tls: () => TlsListenerIdentity
  /** Maximum of unfinished TLS handshakes. `onConnection` limits the connections after that. */
  readonly maxHandshakes?: number
  readonly handshakeTimeoutMs?: number
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: Metrics
  /**
   * Called with a client certificate whose chain is valid but which may have expired; undefined
   * when the client presented none.
   */
  readonly onConnection: (socket: TLSSocket, clientCertificate: Certificate | undefined) => void
}

/** The listener cannot bind to the address. */
class ListenError extends CodedError {
  override readonly name = 'ListenError'
  readonly code = 'ERR_RPC_LISTEN'
  readonly kind = 'unavailable'
}

const HANDSHAKE_TIMEOUT_MS = 10_000
const MAX_HANDSHAKES = 1_024
/** How long a handshake is safe from an eviction by age. A handshake that makes progress takes less. */
const SPARE_HANDSHAKE_MS = 2_000
/** TCP keepalive notices an idle peer that is unreachable. */
const TCP_KEEPALIVE_MS = 15_000

/**
 * A client without a certificate may still join. checkClientCertificate refuses a wrong certificate
 * after the handshake.
 */
const SESSION_OPTIONS = { requestCert: true, rejectUnauthorized: false, ALPNProtocols: ['h2'] }

const parseAll = (certificates: readonly Buffer[]): Certificate[] =>
  certificates.map((der) => parseCertificate(der))

/**
 * Listens with TLS 1.3 and HTTP/2 only, and without resumption: a resumed session proves no key and
 * outlives the certificate.
 */
export class TlsListener implements AsyncDisposable {
  readonly #options: TlsListenerOptions
  readonly #tcp: net.Server
  readonly #tls: tls.Server
  readonly #refusals: RefusedConnections
  readonly #sockets = new Set<net.Socket>()
  readonly #pool: ConnectionPool<string>
  /** Unfinished handshakes, by remote address and port. */
  readonly #handshakes = new Map<string, PoolMember<string>>()
  #clientCas: ClientCas = { roots: [], issuers: [] }
  #address = ''

  private constructor(options: TlsListenerOptions) {
    this.#options = options
    this.#refusals = new RefusedConnections(options)
    this.#pool = new ConnectionPool({
      max: options.maxHandshakes ?? MAX_HANDSHAKES,
      spareMs: SPARE_HANDSHAKE_MS,
    })
    const handshakeTimeoutMs = options.handshakeTimeoutMs ?? HANDSHAKE_TIMEOUT_MS
    this.#tls = tls.createServer(
      { ...this.#contextOptions(), ...SESSION_OPTIONS, handshakeTimeout: handshakeTimeoutMs },
      (socket) => this.#onSecure(socket),
    )
    this.#tls.on('tlsClientError', (error: NodeJS.ErrnoException, socket) => {
      this.#refusals.record('tls_handshake', { code: error.code })
      socket.destroy()
    })
    this.#tcp = net.createServer(
      { noDelay: true, keepAlive: true, keepAliveInitialDelay: TCP_KEEPALIVE_MS },
      (socket) => this.#onTcp(socket),
    )
  }

  /** Binds the address and listens. @throws ListenError */
  static async listen(options: TlsListenerOptions): Promise<TlsListener> {
    const listener = new TlsListener(options)
    try {
      const { host, port } = parseHostPort(options.listen)
      listener.#tcp.listen({ host, port, backlog: 1_024 })
      await once(listener.#tcp, 'listening')
    } catch (error) {
      throw new ListenError(`cannot listen on ${options.listen}`, { cause: error, detail: messageOf(error) })
    }
    listener.#tcp.on('error', (error: NodeJS.ErrnoException) => {
      listener.#refusals.record('accept_failed', { code: error.code })
    })
    const bound = listener.#tcp.address() as net.AddressInfo
    listener.#address = formatHostPort({ host: bound.address, port: bound.port })
    return listener
  }

  /** The bound address, `host:port`. */
  get address(): string {
    return this.#address
  }

  get connections(): number {
    return this.#sockets.size
  }

  /** Reads the certificate and the roots again, for new connections. */
  reload(): void {
    this.#tls.setSecureContext(this.#contextOptions())
  }

  stopAccepting(): void {
    this.#tcp.close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.stopAccepting()
    const closed = this.#sockets.size > 0 ? once(this.#tcp, 'close') : undefined
    for (const socket of this.#sockets) socket.destroy()
    await closed
  }

  #contextOptions(): tls.SecureContextOptions {
    const { chain, key, clientRoots, clientIssuers } = this.#options.tls()
    this.#clientCas = { roots: parseAll(clientRoots), issuers: parseAll(clientIssuers) }
    return {
      minVersion: 'TLSv1.3',
      maxVersion: 'TLSv1.3',
      cert: pemChain(chain),
      key: key.export({ type: 'pkcs8', format: 'pem' }) as string,
      ca: pemChain(clientRoots),
      // With this option a ticket only names an entry of a session cache, and Node keeps none, so
      // no session can be resumed.
      secureOptions: cryptoConstants.SSL_OP_NO_TICKET,
    }
  }

  #onTcp(socket: net.Socket): void {
    socket.on('error', () => {}) // `close` follows
    const key = addressKey(socket.remoteAddress ?? '')
    const evict = (): void => {
      this.#refusals.record('handshake_evicted', { address: key })
      socket.destroy()
    }
    const handshake = { key, sinceMs: this.#options.clock.monotonicMs(), evict }
    if (!this.#pool.admit(handshake)) {
      this.#refusals.record('too_many_handshakes', { address: key })
      socket.destroy()
      return
    }
    const end = endOf(socket)
    this.#handshakes.set(end, handshake)
    this.#sockets.add(socket)
    socket.once('close', () => {
      this.#sockets.delete(socket)
      this.#endHandshake(end, handshake)
    })
    this.#tls.emit('connection', socket)
  }

  #endHandshake(end: string, handshake: PoolMember<string> | undefined): void {
    if (handshake === undefined) return
    this.#pool.leave(handshake)
    // the address and port may be in use again
    if (this.#handshakes.get(end) === handshake) this.#handshakes.delete(end)
  }

  #onSecure(socket: TLSSocket): void {
    socket.on('error', () => {}) // `close` follows
    const end = endOf(socket)
    this.#endHandshake(end, this.#handshakes.get(end))
    if (socket.isSessionReused() || socket.alpnProtocol !== 'h2') {
      this.#refusals.record('tls_not_h2')
      socket.destroy()
      return
    }
    const nowSeconds = this.#options.clock.now().getTime() / 1000
    const shown = checkClientCertificate(socket, this.#clientCas, nowSeconds)
    if ('refused' in shown) {
      this.#refusals.record('client_certificate', { detail: shown.refused })
      socket.destroy()
      return
    }
    this.#options.onConnection(socket, shown.certificate)
  }
}

/** The remote end of a TCP connection. It is the same for the TLS socket on top of it. */
function endOf({ remoteAddress, remotePort }: net.Socket): string {
  return `${remoteAddress} ${remotePort}`
}
