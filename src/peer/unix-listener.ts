import { once } from 'node:events'
import net from 'node:net'
import type { Clock, Scheduled } from '../foundation/clock.ts'
import { CodedError, messageOf } from '../foundation/errors.ts'
import type { Logger } from '../foundation/logger.ts'
import type { Metrics } from '../foundation/metrics.ts'
import type { SocketLimits } from './connection-limits.ts'
import { SocketPathError, UnknownPeerError } from './errors.ts'
import type { PeerKernel } from './kernel.ts'
import { Peer } from './peer.ts'
import { RefusedConnections } from './refused-connections.ts'
import { descriptorOf, requireSocketHandles } from './socket-handle.ts'
import { SocketPlace, sharedDirectoryAbove } from './socket-path.ts'
import { type Served, UserConnections } from './user-connections.ts'

export interface UnixListenerOptions {
  readonly path: string
  /** The mode of the socket. Attestation decides who gets what, not the mode. */
  readonly mode: number
  /** The mode of the directory if it has to be created; default 0755. */
  readonly directoryMode?: number
  /** Refuse a directory that other users can enter. */
  readonly privateDirectory?: boolean
  readonly kernel: PeerKernel
  readonly maxConnections: number
  readonly maxConnectionsPerUid: number
  /** For admin sockets: the users whose connections are accepted. */
  readonly allowUid?: (uid: number) => boolean
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: Metrics
  /** Schedules work fairly among users. Without it, work runs immediately. */
  readonly turns?: UserTurns
  /**
   * Called for each connection once its peer is pinned. The listener disposes the peer when the
   * socket closes.
   */
  readonly onConnection: (socket: net.Socket, peer: Peer, serving: (served: Served) => void) => void
}

/** The part of the fair scheduler that a listener needs. */
interface UserTurns {
  run(uid: number, task: () => void): void
  isHeld(uid: number): boolean
  hurry(): void
}

/** What the log is told about the path of a socket. */
type Told = 'ours' | 'lost' | 'foreign' | 'no_socket'

/** How often the listener looks whether its socket is still there. */
const LOOK_EVERY_MS = 2_000

/** The listen(2) backlog; the kernel's default maximum (net.core.somaxconn). */
const BACKLOG = 4096

/**
 * A Unix socket that every local user may connect to (decision 0017). Each connection gets a pinned
 * {@link Peer} or is closed.
 */
export class UnixListener implements AsyncDisposable {
  readonly path: string
  readonly #options: UnixListenerOptions
  #server: net.Server
  #place: SocketPlace
  #watching: Scheduled | undefined
  #isAccepting = true
  /** What the log was last told about the file. */
  #told: Told = 'ours'
  readonly #connections: UserConnections
  readonly #refusals: RefusedConnections
  #disposing: Promise<void> | undefined

  private constructor(options: UnixListenerOptions, place: SocketPlace) {
    this.path = options.path
    this.#options = options
    this.#place = place
    this.#connections = new UserConnections(options.maxConnections, options.maxConnectionsPerUid)
    this.#refusals = new RefusedConnections(options)
    this.#server = this.#createServer()
  }

  /** @throws SocketInUseError | SocketPathError | LockFileError | KernelUnsupportedError */
  static async listen(options: UnixListenerOptions): Promise<UnixListener> {
    const place = await takePlace(options)
    const listener = new UnixListener(options, place)
    await listener.#bind(listener.#server, place)
    const directory = sharedDirectoryAbove(options.path)
    if (directory !== undefined) {
      options.logger.warn(
        { event: 'socket.shared_directory', path: options.path, directory },
        'while this program does not run, any user can create a socket at this path: choose a path below /run',
      )
    }
    listener.#watch()
    return listener
  }

  #createServer(): net.Server {
    return net.createServer((socket) => this.#onConnection(socket))
  }

  async #bind(server: net.Server, place: SocketPlace): Promise<void> {
    const { path, mode } = this.#options
    try {
      server.listen({ path: place.temporaryPath, backlog: BACKLOG })
      await once(server, 'listening')
      requireSocketHandles(server)
      place.place(mode)
    } catch (error) {
      server.close()
      place[Symbol.dispose]()
      if (error instanceof CodedError) throw error
      throw new SocketPathError(`cannot listen on ${path}`, { cause: error, detail: messageOf(error) })
    }
    // accept(2) can fail (EMFILE, ENFILE, ENOMEM). The socket keeps listening, and a later client
    // may succeed.
    server.on('error', (error: NodeJS.ErrnoException) => {
      this.#refusals.record('accept_failed', { code: error.code })
    })
  }

  /** Looks now and then whether clients can still find the socket. */
  #watch(): void {
    this.#watching = this.#options.clock.schedule(LOOK_EVERY_MS, () => {
      void this.#bindAgainIfGone().finally(() => {
        if (this.#isAccepting) this.#watch()
      })
    })
  }

  /**
   * Somebody removed the file, or its directory, or put a socket there and died: nobody can connect,
   * although this program listens. What another program serves, or a file, is left alone.
   */
  async #bindAgainIfGone(): Promise<void> {
    const found = await this.#place.look()
    if (!this.#isAccepting) return
    if (found === 'nothing' || found === 'dead') await this.#tryToBindAgain()
    else this.#tell(found)
  }

  async #tryToBindAgain(): Promise<void> {
    const { path, logger } = this.#options
    try {
      await this.#bindAgain()
      this.#told = 'ours'
      logger.warn({ event: 'socket.restored', path }, 'the socket had been removed, and is bound again')
    } catch (err) {
      this.#tell('lost', err)
    }
  }

  #tell(news: Told, err?: unknown): void {
    const { path, logger } = this.#options
    if (this.#told === news) return
    this.#told = news
    if (news === 'lost') {
      logger.error(
        { event: 'socket.lost', path, err },
        'the socket was removed, and cannot be bound again yet: nobody can connect',
      )
    } else if (news === 'foreign') {
      logger.error(
        { event: 'socket.replaced', path },
        'another program has put its own socket in the place of this one: clients go there',
      )
    } else if (news === 'no_socket') {
      logger.error(
        { event: 'socket.replaced', path },
        'a file lies in the place of the socket: nobody can connect until it is moved away',
      )
    }
  }

  async #bindAgain(): Promise<void> {
    // The lock file may be gone with its directory, so that the old lock protects nothing. Where it
    // is still there, it can be taken only after it was given back.
    this.#place[Symbol.dispose]()
    const place = await takePlace(this.#options)
    const server = this.#createServer()
    await this.#bind(server, place)
    const old = this.#server
    this.#server = server
    this.#place = place
    old.close() // connections that it accepted go on
    if (!this.#isAccepting) this.stopAccepting()
  }

  get connections(): number {
    return this.#connections.total
  }

  /** Sets the limits for connections to come. Those that are open stay. */
  limit({ max, maxPerUid }: SocketLimits): void {
    this.#connections.limit(max, maxPerUid)
  }

  /** Stops reading from this user's connections, until `resume`. */
  hold(uid: number): void {
    this.#connections.hold(uid)
  }

  /** Resumes reading from some of this user's connections. Returns true once none is held any more. */
  resume(uid: number): boolean {
    return this.#connections.resume(uid)
  }

  /** Stops accepting. Open connections stay until they are closed or the listener is disposed. */
  stopAccepting(): void {
    this.#isAccepting = false
    this.#watching?.cancel()
    this.#place.remove()
    this.#server.close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposing ??= this.#dispose()
    await this.#disposing
  }

  async #dispose(): Promise<void> {
    this.stopAccepting()
    this.#connections.destroyAll()
    if (this.#server.listening || !this.#connections.isEmpty) await once(this.#server, 'close')
    this.#place[Symbol.dispose]()
  }

  #onConnection(socket: net.Socket): void {
    socket.on('error', () => {}) // `close` follows; a peer that disconnects is not worth a log line
    const { turns } = this.#options
    turns?.hurry() // libuv accepts one connection per turn of the loop, and others may be waiting
    const uid = this.#admit(socket)
    if (uid === undefined) {
      socket.destroy()
      return
    }
    socket.once('close', () => this.#connections.remove(uid, socket))
    if (turns === undefined) this.#serve(socket, uid)
    else {
      turns.run(uid, () => this.#serve(socket, uid))
      if (turns.isHeld(uid)) this.#connections.holdOne(uid, socket)
    }
  }

  /**
   * Checks the limits first, with the cheapest facts: nothing is built for a connection that will
   * be refused.
   */
  #admit(socket: net.Socket): number | undefined {
    const fd = descriptorOf(socket)
    if (fd === undefined || fd < 0) return undefined // already closed
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
    const evicted = (of: number): void => this.#refusals.record('evicted', { uid: of })
    const refused = this.#connections.add(uid, socket, evicted)
    if (refused === undefined) return uid
    this.#refusals.record(refused, { uid })
    return undefined
  }

  #serve(socket: net.Socket, uid: number): void {
    const peer = this.#pin(socket, uid)
    if (peer === undefined) {
      socket.destroy()
      return
    }
    socket.once('close', () => peer[Symbol.dispose]())
    this.#options.onConnection(socket, peer, (served) => this.#connections.serving(uid, socket, served))
  }

  #pin(socket: net.Socket, uid: number): Peer | undefined {
    const fd = descriptorOf(socket)
    const { kernel } = this.#options
    // Nothing has read from the socket while it waited, so a peer that hung up has gone unnoticed.
    if (fd === undefined || fd < 0 || kernel.hasHungUp(fd)) return undefined
    try {
      return Peer.ofSocket(kernel, fd)
    } catch (error) {
      const reason = error instanceof UnknownPeerError ? 'peer_refused' : 'peer_unknown'
      this.#refusals.record(reason, { uid, detail: messageOf(error) })
      return undefined
    }
  }
}

function takePlace({ path, directoryMode = 0o755, privateDirectory = false }: UnixListenerOptions) {
  return SocketPlace.take(path, { mode: directoryMode, isPrivate: privateDirectory })
}
