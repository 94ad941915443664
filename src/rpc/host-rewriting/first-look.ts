import type net from 'node:net'
import type { Clock, Scheduled } from '../../foundation/clock.ts'
import { AuthorityRewriter } from './authority-rewriter.ts'
import { RewrittenStream } from './rewritten-stream.ts'

/** Most bytes that a client sends before its first request … */
const MAX_BYTES_BEFORE_A_CALL = 4 * 1024
/** … and before it acknowledges SETTINGS. */
const MAX_BYTES_BEFORE_ACK = 64 * 1024
/** A client that reads has acknowledged SETTINGS after this time. */
const ACK_MS = 50

interface FirstLookOptions {
  /** The SETTINGS frame that a session will send again. */
  readonly settings: Buffer
  readonly clock: Clock
  /** Called with the number of bytes that are held now. */
  readonly onHeld: (bytes: number) => void
  /** Called once, with the stream on which a session can be opened. */
  readonly done: (stream: net.Socket | RewrittenStream) => void
}

/**
 * Reads a connection until the first request is known, to find out whether its `:authority` must be
 * rewritten. If not, the bytes are put back into the socket, a session reads the socket natively
 * from then on, and this object is dropped. Most clients wait for the server's SETTINGS before they
 * send a request, so this sends them; the client's ACK of them is not passed on.
 */
export class FirstLook {
  readonly #socket: net.Socket
  readonly #options: FirstLookOptions
  readonly #rewriter = new AuthorityRewriter()
  #read: Buffer = Buffer.alloc(0)
  #hasAnnounced = false
  #patience: Scheduled | undefined
  #isOver = false

  constructor(socket: net.Socket, options: FirstLookOptions) {
    this.#socket = socket
    this.#options = options
    socket.on('data', this.#onData)
    socket.once('close', this.#leave)
  }

  get isOver(): boolean {
    return this.#isOver
  }

  /** The client has sent SETTINGS. It may have no request yet. */
  get isGreeted(): boolean {
    return this.#rewriter.isGreeted
  }

  /**
   * Stops waiting for the first request, because a session is needed now. Later requests are still
   * rewritten.
   */
  settle(): void {
    if (this.#isOver) return
    this.#leave()
    if (this.#socket.destroyed) return
    this.#options.onHeld(this.#rewriter.heldBytes)
    this.#options.done(new RewrittenStream(this.#socket, this.#rewriter, this.#read, this.#options.onHeld))
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#append(this.#rewriter.push(chunk))
    this.#options.onHeld(this.#read.length + this.#rewriter.heldBytes)
    if (this.#isOver) return // `onHeld` destroyed the connection
    const { found, isAnswerDue, isGreeted, awaitsAck } = this.#rewriter
    const most = found === undefined ? MAX_BYTES_BEFORE_A_CALL : MAX_BYTES_BEFORE_ACK
    if (found === 'clean' && !awaitsAck) this.#handBack()
    else if (found === 'rewritten' || this.#read.length > most) this.settle()
    else if (found === 'clean') this.#patience ??= this.#options.clock.schedule(ACK_MS, () => this.settle())
    else if (isAnswerDue) this.settle()
    else if (isGreeted && !this.#hasAnnounced) this.#announce()
  }

  #append(bytes: Buffer): void {
    if (this.#read.length === 0) {
      this.#read = bytes
      return
    }
    // In memory of its own, because a slice would keep a whole block of Node's buffer pool.
    const both = Buffer.allocUnsafeSlow(this.#read.length + bytes.length)
    bytes.copy(both, this.#read.copy(both))
    this.#read = both
  }

  #announce(): void {
    this.#hasAnnounced = true
    this.#rewriter.awaitAck()
    this.#socket.write(this.#options.settings)
  }

  #handBack(): void {
    this.#leave()
    this.#append(this.#rewriter.flush())
    this.#options.onHeld(this.#read.length)
    this.#socket.pause()
    this.#socket.unshift(this.#read)
    this.#options.done(this.#socket)
  }

  readonly #leave = (): void => {
    this.#isOver = true
    this.#patience?.cancel()
    this.#socket.removeListener('data', this.#onData)
    this.#socket.removeListener('close', this.#leave)
  }
}
