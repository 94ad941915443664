import type { ByteHolder } from './byte-budget.ts'
import { CallEndingError, MalformedRequestError, TooManyBytesError } from './errors.ts'
import type { CallContext } from './handlers.ts'
import type { CallListener, Http2Call } from './http2-call.ts'
import type { Method } from './services.ts'
import { type Status, StatusCode } from './status.ts'

const OK: Status = { code: StatusCode.OK, details: '' }

/** The value of `waitingSinceMs` while this side does not wait for the peer. */
export const NOT_WAITING = Number.POSITIVE_INFINITY

/** What a call needs from its connection. */
export interface CallOwner<C> {
  readonly caller: C
  /** Milliseconds on the monotonic clock. */
  nowMs(): number
  /** The call has ended and its stream is closed. */
  callOver(call: Call<C>): void
  callFailed(call: Call<C>, status: Status, error: unknown): void
  /** What the caller is told of an error. */
  statusOf(error: unknown): Status
}

/**
 * One call, from its headers to its end. {@link Http2Call} below it does headers, framing,
 * decompression, deadlines and trailers.
 */
export abstract class Call<C> implements CallContext, CallListener, ByteHolder {
  readonly method: string
  /**
   * When this side began to wait for the peer to send its request or to read, in milliseconds on
   * the monotonic clock; {@link NOT_WAITING} while it does not wait.
   */
  waitingSinceMs: number
  protected readonly base: Http2Call
  protected readonly owner: CallOwner<C>
  /** A status was sent, or nothing more can be sent. */
  protected finished = false
  #abort: AbortController | undefined
  #over = false

  constructor(base: Http2Call, owner: CallOwner<C>, method: string) {
    this.base = base
    this.owner = owner
    this.method = method
    this.waitingSinceMs = owner.nowMs()
  }

  /** One request message, still encoded. */
  abstract onReceiveMessage(bytes: Buffer): void
  /** The peer has half-closed the stream. */
  abstract onReceiveHalfClose(): void
  /** Releases the call's resources. Called once, when the call has ended. */
  protected abstract release(): void
  /** Whether this call counts in the gauge of open streams. */
  abstract readonly isStream: boolean

  get over(): boolean {
    return this.#over
  }

  get signal(): AbortSignal {
    this.#abort ??= new AbortController()
    if (this.#over) this.#abort.abort(new CallEndingError('ending'))
    return this.#abort.signal
  }

  expectAnswer(bytes: number): void {
    if (!this.base.bytes.expectAnswer(bytes))
      throw new TooManyBytesError('too many bytes of answers are being held: read them first')
  }

  start(): void {
    this.base.start(this)
    this.base.startRead()
  }

  onOver(): void {
    this.#over = true
    this.finished = true
    this.waitingSinceMs = NOT_WAITING
    this.owner.callOver(this)
    this.#abort?.abort(new CallEndingError('ending'))
    this.release()
  }

  /** Ends the call with the status that `error` maps to. */
  fail(error: unknown): void {
    if (this.finished) return
    const status = this.owner.statusOf(error)
    this.owner.callFailed(this, status, error)
    this.finish(status)
  }

  /** Whether this side has waited for the peer longer than `patienceMs`. Checked every few seconds. */
  isLate(now: number, patienceMs: number): boolean {
    return now - this.waitingSinceMs > patienceMs
  }

  /**
   * Ends a call whose peer neither reads nor finishes its request: with a status, or with a reset
   * where the peer could not receive a status.
   */
  cut(): void {
    this.endWith(new CallEndingError('the request did not come in time'))
  }

  get looseBytes(): number {
    return this.base.bytes.loose
  }

  /** Ends the call because it holds too many bytes. */
  evict(): void {
    this.base.releaseUnused()
    this.endWith(new TooManyBytesError('too many bytes of requests are being held'))
  }

  /** True while a message waits for the peer to read. A status would queue behind it. */
  protected get isBlocked(): boolean {
    return false
  }

  protected succeed(): void {
    if (!this.finished) this.finish(OK)
  }

  /** Sends the only response of a call. Message and trailers leave in one write. */
  protected succeedWith(bytes: Buffer): void {
    if (this.finished) return
    this.finished = true
    this.waitingSinceMs = this.owner.nowMs()
    this.base.sendLast(bytes, OK)
  }

  /** Encodes and sends the only response of a call. The call may already be over. */
  protected answerWith(definition: Pick<Method, 'responseSerialize'>, message: object): void {
    this.base.bytes.handled()
    if (this.finished) return
    let bytes: Buffer
    try {
      bytes = definition.responseSerialize(message)
    } catch (error) {
      this.fail(error)
      return
    }
    this.base.bytes.keepAnswer(bytes.length)
    this.succeedWith(bytes)
  }

  protected refuseRequest(what: string): void {
    this.fail(new MalformedRequestError(what))
  }

  /** Ends the call with a status, or with a reset where the status would queue behind an unread message. */
  protected endWith(error: unknown): void {
    if (this.finished || this.isBlocked) {
      this.finished = true
      this.base.reset()
    } else {
      this.fail(error)
    }
  }

  private finish(status: Status): void {
    this.finished = true
    if (this.waitingSinceMs === NOT_WAITING) this.waitingSinceMs = this.owner.nowMs()
    // Does nothing if the base call has already seen the stream end.
    this.base.sendStatus(status)
  }
}
