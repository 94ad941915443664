import { type CallOwner, NOT_WAITING } from './call.ts'
import { TooManyRequestsError } from './errors.ts'
import type { DuplexHandler, DuplexListener, DuplexSink } from './handlers.ts'
import type { Http2Call } from './http2-call.ts'
import type { Method } from './services.ts'
import { WritingCall } from './stream-call.ts'
import { decodeRequest } from './unary-call.ts'

/** A stream may send this many requests in {@link WINDOW_MS} … */
const REQUESTS = 200
const WINDOW_MS = 10_000
/** … and this many more for each message it was sent: an acknowledgement and some changed subscriptions. */
const REQUESTS_A_MESSAGE = 4

/**
 * A bidirectional stream on which each side sends whenever it has something to send. There is no
 * generator, promise or queue: a request is handled when it arrives, and the next message is chosen
 * when the reader has room for it.
 */
export class DuplexCall<C> extends WritingCall<C> implements DuplexSink {
  readonly #handler: DuplexHandler<C, object>
  #listener: DuplexListener<object> | undefined
  #requestsLeft = REQUESTS
  #windowEndsMs: number

  constructor(base: Http2Call, owner: CallOwner<C>, definition: Method, handler: DuplexHandler<C, object>) {
    super(base, owner, definition)
    this.#handler = handler
    this.#windowEndsMs = owner.nowMs() + WINDOW_MS
  }

  get busy(): boolean {
    return this.writing
  }

  get ended(): boolean {
    return this.finished
  }

  send(message: Buffer): void {
    if (this.writing) throw new TypeError('a message is on its way')
    this.#requestsLeft += REQUESTS_A_MESSAGE
    this.write(message)
  }

  keeps(bytes: number): void {
    if (!this.over) this.base.bytes.keptIs(bytes)
  }

  end(error: unknown): void {
    this.fail(error)
  }

  override onReceiveMessage(bytes: Buffer): void {
    if (this.finished) return
    this.partSinceMs = NOT_WAITING
    this.base.bytes.handled()
    try {
      this.#countRequest()
      const listener = this.#listener ?? this.#open()
      const request = decodeRequest(this.definition, bytes)
      if (request === undefined) this.refuseRequest('malformed request message')
      else listener.onRequest(request)
    } catch (error) {
      this.fail(error)
    }
    if (!this.finished) this.base.startRead()
  }

  override onReceiveHalfClose(): void {
    if (this.finished) return
    if (this.#listener === undefined) {
      this.refuseRequest('no request message')
      return
    }
    try {
      this.#listener.onHalfClose()
    } catch (error) {
      this.fail(error)
    }
  }

  protected override written(): void {
    try {
      this.#listener?.onWritable()
    } catch (error) {
      this.fail(error)
    }
  }

  protected override release(): void {
    const listener = this.#listener
    this.#listener = undefined
    listener?.[Symbol.dispose]()
  }

  #open(): DuplexListener<object> {
    this.waitingSinceMs = NOT_WAITING
    const listener = this.#handler(this.owner.caller, this, this)
    this.#listener = listener
    return listener
  }

  #countRequest(): void {
    const now = this.owner.nowMs()
    if (now >= this.#windowEndsMs) {
      this.#windowEndsMs = now + WINDOW_MS
      this.#requestsLeft = REQUESTS
    }
    this.#requestsLeft -= 1
    if (this.#requestsLeft < 0) throw new TooManyRequestsError('too many requests on this stream')
  }
}
