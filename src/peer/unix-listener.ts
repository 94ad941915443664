import { once } from 'node:events'
import net from 'node:net'
import type { Clock } from '../foundation/clock.ts'
import { messageOf } from '../foundation/errors.ts'
import type { Logger } from '../foundation/logger.ts'
import type { Metrics } from '../foundation/metrics.ts'
import { ConnectionCaps, Refusals } from './connection-caps.ts'
import { PeerRefusedError, SocketPathError } from './errors.ts'
import type { PeerKernel } from './kernel.ts'
import { Peer } from './peer.ts'
import { SocketPlace, sharedDirectoryAbove } from './socket-path.ts'

export interface UnixListenerOptions {
  readonly path: string
  /** Of the socket; attestation decides who gets what, not the mode. */
  readonly mode: number
  /** Of the directory when it has to be made; 0755 unless told. */
  readonly directoryMode?: number
  /** Refuse a directory that others may enter. */
  readonly privateDirectory?: boolean
  readonly kernel: PeerKernel
  readonly maxConnections: number
  readonly maxConnectionsPerUid: number
  /** For admin sockets: whose connections are served at all. */
  readonly allowUid?: (uid: number) => boolean
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: Metrics
  /** Told of each connection once its peer is pinned. The listener disposes the peer when the socket closes. */
  readonly onConnection: (socket: net.Socket, peer: Peer) => void
}

/** As many as the kernel lets wait by default (net.core.somaxconn). */
const BACKLOG = 4096

/** Node has no public accessor for the descriptor of a socket; test/integration/peer.test.ts notices when this line breaks. */
const descriptorOf = (socket: net.Socket): number | undefined =>
  (socket as unknown as { _handle: { fd: number } | null })._handle?.fd

/** A Unix socket that knows who calls: each connection comes with its pinned {@link Peer}, or is closed. */
export class UnixListener implements AsyncDisposable {
  readonly path: string
  readonly #options: UnixListenerOptions
  readonly #server: net.Server
  readonly #place: SocketPlace
  readonly #caps: ConnectionCaps
  readonly #refusals: Refusals
  readonly #sockets = new Set<net.Socket>()
  #disposing: Promise<void> | undefined

  private constructor(options: UnixListenerOptions, place: SocketPlace) {
    this.path = options.path
    this.#options = options
    this.#place = place
    this.#caps = new ConnectionCaps(options.maxConnections, options.maxConnectionsPerUid)
    this.#refusals = new Refusals(options)
    this.#server = net.createServer((socket) => this.#onConnection(socket))
  }

  /** @throws SocketInUseError | SocketPathError | LockFileError */
  static async listen(options: UnixListenerOptions): Promise<UnixListener> {
    const place = await SocketPlace.take(options.path, {
      mode: options.directoryMode ?? 0o755,
      isPrivate: options.privateDirectory ?? false,
    })
    const listener = new UnixListener(options, place)
    try {
      listener.#server.listen({ path: place.temporaryPath, backlog: BACKLOG })
      await once(listener.#server, 'listening')
      place.place(options.mode)
    } catch (error) {
      listener.#server.close()
      place[Symbol.dispose]()
      throw new SocketPathError(`cannot listen on ${options.path}`, {
        cause: error,
        detail: messageOf(error),
      })
    }
    const directory = sharedDirectoryAbove(options.path)
    if (directory !== undefined) {
      options.logger.warn(
        { event: 'socket.shared_directory', path: options.path, directory },
        'whenever this program does not run, every user can put a socket in this place: choose one below /run',
      )
    }
    // Accepting can fail (EMFILE, ENFILE, ENOMEM); the socket goes on listening and the next client may have more luck.
    listener.#server.on('error', (error: NodeJS.ErrnoException) => {
      listener.#refusals.record('accept_failed', { code: error.code })
    })
    return listener
  }

  get connections(): number {
    return this.#caps.total
  }

  /** Stops accepting; connections that are open stay until they are closed or the listener is disposed. */
  stopAccepting(): void {
    this.#place.remove()
    this.#server.close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposing ??= this.#dispose()
    await this.#disposing
  }

  async #dispose(): Promise<void> {
    this.stopAccepting()
    for (const socket of this.#sockets) socket.destroy()
    if (this.#server.listening || this.#sockets.size > 0) await once(this.#server, 'close')
    this.#place[Symbol.dispose]()
  }

  #onConnection(socket: net.Socket): void {
    socket.on('error', () => {}) // `close` follows; a peer that vanishes is no event
    const peer = this.#admit(socket)
    if (peer === undefined) {
      socket.destroy()
      return
    }
    this.#sockets.add(socket)
    socket.once('close', () => {
      this.#sockets.delete(socket)
      this.#caps.release(peer.credentials.uid)
      peer[Symbol.dispose]()
    })
    this.#options.onConnection(socket, peer)
  }

  /** Caps first, from what costs least to know; the peer is pinned only for a connection that will be served. */
  #admit(socket: net.Socket): Peer | undefined {
    if (this.#caps.full) {
      this.#refusals.record('too_many_connections')
      return undefined
    }
    const fd = descriptorOf(socket)
    if (fd === undefined || fd < 0) return undefined // closed already
    const { kernel, allowUid } = this.#options
    let uid: number
    try {
      uid = kernel.identify(fd).uid
    } catch (error) {
      this.#refusals.record('peer_unknown', { detail: messageOf(error) })
      return undefined
    }
    if (allowUid?.(uid) === false) {
      this.#refusals.record('uid_not_allowed', { uid })
      return undefined
    }
    if (!this.#caps.take(uid)) {
      this.#refusals.record('too_many_connections_of_uid', { uid })
      return undefined
    }
    try {
      return Peer.ofSocket(kernel, fd)
    } catch (error) {
      this.#caps.release(uid)
      const reason = error instanceof PeerRefusedError ? 'peer_refused' : 'peer_unknown'
      this.#refusals.record(reason, { uid, detail: messageOf(error) })
      return undefined
    }
  }
}
