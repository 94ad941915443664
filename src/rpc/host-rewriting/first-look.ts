import type net from 'node:net'
import type { Clock, Scheduled } from '../../foundation/clock.ts'
import { AuthorityRewriter } from './authority-rewriter.ts'
import { RewrittenStream } from './rewritten-stream.ts'

/** A client that is about to call says no more than this before it does … */
const BYTES_BEFORE_A_CALL = 4 * 1024
/** … and no more than this before it acknowledges SETTINGS. */
const BYTES_BEFORE_ACK = 64 * 1024
/** Whoever reads at all has acknowledged SETTINGS by then. */
const ACK_MS = 50

export interface FirstLookOptions {
  /** The frame with the settings that a session will announce again. */
  readonly settings: Buffer
  readonly clock: Clock
  /** Told how much is held at the moment. */
  readonly onHeld: (bytes: number) => void
  /** Told once what a session can be opened on. */
  readonly done: (stream: net.Socket | RewrittenStream) => void
}

/**
 * Reads a connection until its first request is known, to learn whether its `:authority` has to be rewritten. Where it has not, the socket
 * gets back what was read, and a session reads it natively from then on: nothing of this stays. Most clients wait for the server's settings
 * before they call, so they get them from here; the acknowledgement is for these and goes no further.
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

  /** The client has introduced itself, and may have nothing to ask yet. */
  get isGreeted(): boolean {
    return this.#rewriter.isGreeted
  }

  /** Stops looking: a session is needed now. Later requests are still looked at. */
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
    if (this.#isOver) return // it was too much
    const { found, isAnswerDue, isGreeted, awaitsAck } = this.#rewriter
    const most = found === undefined ? BYTES_BEFORE_A_CALL : BYTES_BEFORE_ACK
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
    // In memory of its own: a share of Node's pool would keep all of it.
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
