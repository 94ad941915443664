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

/** What the listener shows, and which CAs a client's certificate may lead to. */
export interface TlsListenerIdentity {
  /** DER, leaf first, the root last: agents pin the root before they know it. */
  readonly chain: readonly Buffer[]
  readonly key: KeyObject
  readonly clientRoots: readonly Buffer[]
  /** CAs under those roots that issue client certificates: Node 24 does not tell a server which ones the client sent. */
  readonly clientIssuers: readonly Buffer[]
}

export interface TlsListenerOptions {
  /** `host:port`; port 0 takes a free one. */
  readonly listen: string
  /** Read now and at each {@link TlsListener.reload}. */
  readonly tls: () => TlsListenerIdentity
  /** How many may be between TCP's handshake and the end of TLS's. How many there may be after it, `onConnection` decides. */
  readonly maxHandshakes?: number
  readonly handshakeTimeoutMs?: number
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: Metrics
  /** The certificate's chain holds, but it may have expired; undefined when the client showed none. */
  readonly onConnection: (socket: TLSSocket, clientCertificate: Certificate | undefined) => void
}

/** The address cannot be listened on. */
class ListenError extends CodedError {
  override readonly name = 'ListenError'
  readonly code = 'ERR_RPC_LISTEN'
  readonly kind = 'unavailable'
}

const HANDSHAKE_TIMEOUT_MS = 10_000
const MAX_HANDSHAKES = 1_024
/** A handshake that goes on takes no longer, however many there are beside it. */
const SPARE_HANDSHAKE_MS = 2_000
/** A quiet peer that has vanished is noticed by TCP. */
const TCP_KEEPALIVE_MS = 15_000

/** A client without a certificate may still join; a certificate that is wrong is refused after the handshake, by checkClientCertificate. */
const SESSION_OPTIONS = { requestCert: true, rejectUnauthorized: false, ALPNProtocols: ['h2'] }

const parseAll = (certificates: readonly Buffer[]): Certificate[] =>
  certificates.map((der) => parseCertificate(der))

/** TLS 1.3 only, HTTP/2 only, no resumption: a resumed session shows no key and outlives the certificate. */
export class TlsListener implements AsyncDisposable {
  readonly #options: TlsListenerOptions
  readonly #tcp: net.Server
  readonly #tls: tls.Server
  readonly #refusals: RefusedConnections
  readonly #sockets = new Set<net.Socket>()
  readonly #pool: ConnectionPool<string>
  /** Those whose handshake is not done, by address and port. */
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

  /** @throws ListenError */
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

  /** `host:port` that is really bound. */
  get address(): string {
    return this.#address
  }

  get connections(): number {
    return this.#sockets.size
  }

  /** Takes the certificate and the roots anew, for connections from now on. */
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
      // With this option a ticket only names an entry of a cache, and Node keeps none: nothing can be resumed.
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
    if (this.#handshakes.get(end) === handshake) this.#handshakes.delete(end) // its address may be somebody else's by now
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

/** The other end of a TCP connection; the TLS socket above it says the same. */
function endOf({ remoteAddress, remotePort }: net.Socket): string {
  return `${remoteAddress} ${remotePort}`
}
