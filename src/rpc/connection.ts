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

/** One accepted connection; every call on it is its caller's. */
export interface Connection<C> {
  readonly caller: C
  readonly openCalls: number
  /** Resolves when the connection is gone. */
  readonly closed: Promise<void>
  /** Whether its peer answers a PING; false when the connection ends first. */
  answers(): Promise<boolean>
  /** Says the status of this error on each call, then GOAWAY, then closes. */
  end(error: unknown): void
  /** Resets the calls that are left. */
  cutCalls(): void
  destroy(): void
}

/** What one caller may do on a connection. */
export interface ConnectionLimits extends RequestLimits {
  /** Calls open at once. */
  readonly maxCalls: number
  /** Calls begun in {@link SWEEP_MS}, however short; more end the connection. */
  readonly maxCallsASweep: number
}

/** How often connections are swept. */
export const SWEEP_MS = 5_000

/** What a connection needs of its server, and tells it. */
export interface ConnectionEvents<C> {
  readonly decompressor: Decompressor
  nowMs(): number
  openAccount(caller: C, holders: () => Iterable<ByteHolder>): ByteAccount
  connectionClosed(connection: LiveConnection<C>): void
  callOver(call: Call<C>, caller: C): void
  callFailed(call: Call<C>, status: Status, error: unknown, caller: C): void
}

/** A client that has not said its HTTP/2 preface by then is none. */
const PREFACE_MS = 10_000
/** A client that has introduced itself and asks nothing gets its session by then: it is owed an acknowledgement. */
const FIRST_LOOK_MS = 5_000
/** A request that does not arrive, or a message that is not read, for this long ends its call. */
const PATIENCE_MS = 60_000
/**
 * PINGs that one connection may send between two sweeps, besides four for each call: grpc-go measures bandwidth with one PING for each
 * burst of data, and keepalive is one in ten seconds. A flood is cut, keepalive is never answered with `too_many_pings`.
 */
const PINGS_A_SWEEP = 20_000
const SETTINGS_A_SWEEP = 500
/**
 * What one connection may send between two sweeps, besides the requests of its calls. Above it are only floods, of which Node tells nobody:
 * frames that do nothing, and header lists that it refuses, whose decompression takes five times the time of a call.
 */
const BYTES_A_SWEEP = 1024 * 1024
/** A connection that has been quiet for so long is asked whether its peer is still there … */
const QUIET_MS = 60_000
/** … and cut when no answer has come by then: the peer is gone or stopped, or its session is beyond repair without Node having noticed. */
const ANSWER_MS = 60_000

/** The server's side of a connection: its calls, and how it ends. */
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
  /** Closed and without a call when the last sweep came by. */
  #wasLeft = false
  #pings = 0
  #settings = 0
  #startedCalls = 0
  #sweptBytes = 0
  #heardMs: number
  #askedMs: number | undefined

  constructor(stream: Duplex, caller: C, limits: ConnectionLimits, events: ConnectionEvents<C>) {
    this.#stream = stream
    this.caller = caller
    this.limits = limits
    this.#events = events
    this.bytes = events.openAccount(caller, () => this.#holders())
    this.#acceptedMs = events.nowMs()
    this.#heardMs = this.#acceptedMs
    stream.on('error', () => {}) // the connection is gone then, and `close` follows
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

  /** There will be a session when this is over. */
  lookFirst(firstLook: FirstLook): void {
    this.#firstLook = firstLook
  }

  /** The session of HTTP/2 on this stream. */
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

  /** What is held of the bytes before they reach a session. */
  countLook(bytes: number): void {
    const more = bytes - this.#lookBytes
    this.#lookBytes = bytes
    if (more > 0) this.bytes.hold(more)
    else this.bytes.release(-more)
  }

  /** A stream whose call is begun later; the returned function is called then. */
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

  /** More calls were begun since the last sweep than anybody needs. */
  get callsTooOften(): boolean {
    return this.#startedCalls > this.limits.maxCallsASweep
  }

  callStarted(call: Call<C>): void {
    this.#heardMs = this.#events.nowMs()
    this.#startedCalls += 1
    this.calls.add(call)
  }

  callOver(call: Call<C>): void {
    this.calls.delete(call)
    this.#events.callOver(call, this.caller)
    if (this.#ending && this.calls.size === 0) setImmediate(() => this.#sayGoodbye())
  }

  callFailed(call: Call<C>, status: Status, error: unknown): void {
    this.#events.callFailed(call, status, error, this.caller)
  }

  /** Cuts what makes no progress. Called every few seconds, so that no connection and no call needs a timer of its own. */
  sweep(now: number): void {
    const isFlooding = this.#takeBytes() > BYTES_A_SWEEP + this.#expectedBytes
    this.#pings = 0
    this.#settings = 0
    this.#startedCalls = 0
    if (this.#firstLook?.isGreeted === true && now - this.#acceptedMs > FIRST_LOOK_MS) {
      this.#greeted = true
      this.#firstLook.settle()
    }
    // After GOAWAY and then an error Node neither closes the stream nor reads that the peer is gone. Two sweeps: what was said last may be on its way.
    const isLeft = this.#session?.closed === true && this.calls.size === 0
    const isAbandoned = isLeft && this.#wasLeft
    this.#wasLeft = isLeft
    const isMute = !this.#greeted && now - this.#acceptedMs > PREFACE_MS
    if (isAbandoned || isMute || isFlooding) {
      this.destroy()
      return
    }
    for (const call of this.calls) {
      if (call.isLate(now, PATIENCE_MS)) call.cut()
    }
    this.#askWhetherAlive(now)
  }

  /** What has come since the last sweep. */
  #takeBytes(): number {
    const { bytesRead = 0 } = this.#stream as Partial<Socket>
    const taken = bytesRead - this.#sweptBytes
    this.#sweptBytes = bytesRead
    return taken
  }

  /** What the calls of the last sweep, and those that are open still, may have sent. */
  get #expectedBytes(): number {
    return (this.#startedCalls + this.calls.size) * this.limits.maxMessageBytes
  }

  #askWhetherAlive(now: number): void {
    if (this.#askedMs !== undefined) {
      if (now - this.#askedMs > ANSWER_MS) this.destroy()
      return
    }
    const session = this.#session
    if (now - this.#heardMs <= QUIET_MS || session === undefined || session.destroyed) return
    this.#askedMs = now
    session.ping(() => {
      this.#askedMs = undefined
      this.#heardMs = this.#events.nowMs()
    })
  }

  /**
   * Ends every call with this error's status, then says GOAWAY, then closes. In this order, because some clients take a GOAWAY or an end
   * without trailers for CANCELLED, which is final for them. The owner destroys what is left at its deadline.
   */
  end(error: unknown): void {
    if (this.#ending) return
    this.#ending = true
    this.#firstLook?.settle()
    if (this.calls.size === 0) this.#sayGoodbye()
    for (const call of this.calls) call.fail(error)
  }

  /** For those whose peer does not read: some clients take the end of a connection without a word for CANCELLED. */
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

  /** GOAWAY; the session closes the stream when it has nothing left to send. */
  #sayGoodbye(): void {
    if (this.#stream.destroyed) return // `close` follows; the session may go only then, see openSession
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
