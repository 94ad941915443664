import type { IncomingHttpHeaders, ServerHttp2Session, ServerHttp2Stream } from 'node:http2'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { ByteAccount, ByteHolder } from './byte-budget.ts'
import type { Call, CallOwner } from './call.ts'
import type { Decompressor } from './decompressor.ts'
import type { FirstLook } from './host-rewriting/first-look.ts'
import type { CallGround, RequestLimits } from './http2-call.ts'
import type { Status } from './status.ts'
import { WaitingStream } from './waiting-stream.ts'

/** One accepted connection. Every call on it belongs to its caller. */
export interface Connection<C> {
  readonly caller: C
  readonly openCalls: number
  /** Resolves when the connection is closed. */
  readonly closed: Promise<void>
  /** Resolves to whether the peer answers a PING; to false when the connection ends first. */
  answers(): Promise<boolean>
  /** Ends every call with the status of `error`, then sends GOAWAY and closes. */
  end(error: unknown): void
  /** Ends the remaining calls, with a reset where the peer does not read. */
  cutCalls(): void
  destroy(): void
}

/** What one caller may do on a connection. */
export interface ConnectionLimits extends RequestLimits {
  /** Calls that may be open at the same time. */
  readonly maxCalls: number
  /** Calls that may begin in {@link SWEEP_MS}, however short they are. More of them end the connection. */
  readonly maxCallsASweep: number
}

/** How often connections are checked. */
export const SWEEP_MS = 5_000

/** What a connection needs from its server, and the events that it reports. */
export interface ConnectionEvents<C> {
  readonly decompressor: Decompressor
  nowMs(): number
  openAccount(caller: C, holders: () => Iterable<ByteHolder>): ByteAccount
  connectionClosed(connection: LiveConnection<C>): void
  callOver(call: Call<C>, caller: C): void
  callFailed(call: Call<C>, status: Status, error: unknown, caller: C): void
  statusOf(error: unknown): Status
}

/** How long a client may take to send its HTTP/2 preface and SETTINGS. */
const PREFACE_MS = 10_000
/**
 * A client that has sent SETTINGS but no request gets its session after this time, because HTTP/2
 * owes it an ACK.
 */
const FIRST_LOOK_MS = 5_000
/** A call ends when its request does not arrive, or its message is not read, for this long. */
const PATIENCE_MS = 60_000
/**
 * PINGs that one connection may send between two sweeps, besides four for each call. grpc-go
 * measures bandwidth with one PING for each burst of data, and keepalive sends one in ten seconds.
 * Only a flood exceeds this, so keepalive never gets `too_many_pings`.
 */
const PINGS_A_SWEEP = 20_000
const SETTINGS_A_SWEEP = 500
/**
 * Bytes that one connection may send between two sweeps, besides the requests of its calls. Only a
 * flood that Node does not report exceeds this: empty frames, or header lists that Node refuses,
 * which cost five times as much to decompress as a call does.
 */
const BYTES_A_SWEEP = 1024 * 1024
/** A connection without a new call for this long gets a PING … */
const QUIET_MS = 60_000
/**
 * … and is destroyed when no answer has come after this time: the peer is gone or stopped, or the
 * session is broken and Node has not noticed.
 */
const ANSWER_MS = 60_000

/** The server side of a connection: its calls, and how it ends. */
export class LiveConnection<C> implements Connection<C>, CallOwner<C>, CallGround {
  readonly caller: C
  readonly limits: ConnectionLimits
  readonly bytes: ByteAccount
  readonly calls = new Set<Call<C>>()
  readonly #stream: Duplex
  readonly #events: ConnectionEvents<C>
  readonly #acceptedMs: number
  #firstLook: FirstLook | undefined
  #lookBytes = 0
  #waiting: Set<WaitingStream> | undefined
  #session: ServerHttp2Session | undefined
  #closed: PromiseWithResolvers<void> | undefined
  #isClosed = false
  #ending = false
  #greeted = false
  /** The session was closed and had no calls at the last sweep. */
  #wasIdleAfterGoAway = false
  #pings = 0
  #settings = 0
  #startedCalls = 0
  #sweptBytes = 0
  #lastActiveMs: number
  #pingedMs: number | undefined

  constructor(stream: Duplex, caller: C, limits: ConnectionLimits, events: ConnectionEvents<C>) {
    this.#stream = stream
    this.caller = caller
    this.limits = limits
    this.#events = events
    this.bytes = events.openAccount(caller, () => this.#holders())
    this.#acceptedMs = events.nowMs()
    this.#lastActiveMs = this.#acceptedMs
    stream.on('error', () => {}) // `close` follows
    stream.once('close', () => this.#onClose())
  }

  get openCalls(): number {
    return this.calls.size
  }

  get decompressor(): Decompressor {
    return this.#events.decompressor
  }

  get closed(): Promise<void> {
    if (this.#isClosed) return Promise.resolve()
    this.#closed ??= Promise.withResolvers<void>()
    return this.#closed.promise
  }

  /** Sets the first look at the connection. Its session is opened afterwards. */
  lookFirst(firstLook: FirstLook): void {
    this.#firstLook = firstLook
  }

  /** Attaches the HTTP/2 session of this connection. */
  attach(session: ServerHttp2Session): void {
    this.#firstLook = undefined
    this.#session = session
    session.on('remoteSettings', () => {
      this.#greeted = true
      if (++this.#settings > SETTINGS_A_SWEEP) this.destroy()
    })
    session.on('ping', () => {
      if (++this.#pings > PINGS_A_SWEEP + 4 * this.#startedCalls) this.destroy()
    })
  }

  nowMs(): number {
    return this.#events.nowMs()
  }

  /** Counts the bytes that are held before there is a session. */
  countLook(bytes: number): void {
    const more = bytes - this.#lookBytes
    this.#lookBytes = bytes
    if (more > 0) this.bytes.hold(more)
    else this.bytes.release(-more)
  }

  /**
   * Counts a stream whose call begins later. The returned function stops the count; call it when
   * the call begins.
   */
  waits(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): () => void {
    const waiting = new WaitingStream(stream, headers, this.bytes)
    this.#waiting ??= new Set()
    const all = this.#waiting
    all.add(waiting)
    const stop = (): void => {
      all.delete(waiting)
      waiting.leave()
    }
    stream.once('close', stop)
    return stop
  }

  *#holders(): Iterable<ByteHolder> {
    if (this.#waiting !== undefined) yield* this.#waiting
    if (this.#lookBytes > 0) yield { looseBytes: this.#lookBytes, evict: () => this.destroy() }
    yield* this.calls
  }

  /** Whether more calls began since the last sweep than {@link ConnectionLimits.maxCallsASweep} allows. */
  get callsTooOften(): boolean {
    return this.#startedCalls > this.limits.maxCallsASweep
  }

  callStarted(call: Call<C>): void {
    this.#lastActiveMs = this.#events.nowMs()
    this.#startedCalls += 1
    this.calls.add(call)
  }

  callOver(call: Call<C>): void {
    this.calls.delete(call)
    this.#events.callOver(call, this.caller)
    if (this.#ending && this.calls.size === 0) setImmediate(() => this.#sendGoAway())
  }

  callFailed(call: Call<C>, status: Status, error: unknown): void {
    this.#events.callFailed(call, status, error, this.caller)
  }

  statusOf(error: unknown): Status {
    return this.#events.statusOf(error)
  }

  /**
   * Ends whatever makes no progress. The server calls it every few seconds, so that connections and
   * calls need no timers of their own.
   */
  sweep(now: number): void {
    const isFlooding = this.#takeBytes() > BYTES_A_SWEEP + this.#expectedBytes
    this.#pings = 0
    this.#settings = 0
    this.#startedCalls = 0
    if (this.#firstLook?.isGreeted === true && now - this.#acceptedMs > FIRST_LOOK_MS) {
      this.#greeted = true
      this.#firstLook.settle()
    }
    // After GOAWAY followed by an error, Node neither closes the stream nor notices that the peer
    // is gone. Wait for two sweeps, because the last message may still be on its way.
    const isIdleAfterGoAway = this.#session?.closed === true && this.calls.size === 0
    const isAbandoned = isIdleAfterGoAway && this.#wasIdleAfterGoAway
    this.#wasIdleAfterGoAway = isIdleAfterGoAway
    const isMute = !this.#greeted && now - this.#acceptedMs > PREFACE_MS
    if (isAbandoned || isMute || isFlooding) {
      this.destroy()
      return
    }
    for (const call of this.calls) {
      if (call.isLate(now, PATIENCE_MS)) call.cut()
    }
    this.#checkAlive(now)
  }

  /** Returns how many bytes arrived since the last sweep. */
  #takeBytes(): number {
    const { bytesRead = 0 } = this.#stream as Partial<Socket>
    const taken = bytesRead - this.#sweptBytes
    this.#sweptBytes = bytesRead
    return taken
  }

  /** How many bytes the calls of the last sweep and those still open may have sent. */
  get #expectedBytes(): number {
    return (this.#startedCalls + this.calls.size) * this.limits.maxMessageBytes
  }

  #checkAlive(now: number): void {
    if (this.#pingedMs !== undefined) {
      if (now - this.#pingedMs > ANSWER_MS) this.destroy()
      return
    }
    const session = this.#session
    if (now - this.#lastActiveMs <= QUIET_MS || session === undefined || session.destroyed) return
    this.#pingedMs = now
    session.ping(() => {
      this.#pingedMs = undefined
      this.#lastActiveMs = this.#events.nowMs()
    })
  }

  /**
   * Ends every call with the status of `error`, then sends GOAWAY and closes. The order matters:
   * some clients turn a GOAWAY or an end without trailers into CANCELLED, which they do not retry.
   * The owner destroys whatever is left at its deadline.
   */
  end(error: unknown): void {
    if (this.#ending) return
    this.#ending = true
    this.#firstLook?.settle()
    if (this.calls.size === 0) this.#sendGoAway()
    for (const call of this.calls) call.fail(error)
  }

  /**
   * Ends calls whose peer does not read. Closing the connection without a status would be CANCELLED
   * to some clients.
   */
  cutCalls(): void {
    for (const call of this.calls) call.cut()
  }

  answers(): Promise<boolean> {
    const session = this.#session
    if (session === undefined || session.destroyed || session.closed) return Promise.resolve(false)
    return new Promise((resolve) => {
      if (!session.ping((error) => resolve(error === null))) resolve(false)
    })
  }

  get ending(): boolean {
    return this.#ending
  }

  destroy(): void {
    this.countLook(0)
    this.#stream.destroy()
  }

  /** Sends GOAWAY. The session closes the stream when it has nothing left to send. */
  #sendGoAway(): void {
    if (this.#stream.destroyed) return // `close` follows, and only then may the session go; see openSession
    if (this.#session === undefined || this.#session.destroyed) this.destroy()
    else if (!this.#session.closed) this.#session.close()
  }

  #onClose(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#session?.destroy()
    this.countLook(0)
    this.bytes.close()
    this.#events.connectionClosed(this)
    this.#closed?.resolve()
  }
}
