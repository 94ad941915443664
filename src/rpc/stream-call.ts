import { Call, type CallOwner, NOT_WAITING } from './call.ts'
import { CallEndingError } from './errors.ts'
import type { ExchangeHandler, PushHandler, StreamHandler, StreamSink } from './handlers.ts'
import type { Http2Call } from './http2-call.ts'
import type { Method } from './services.ts'
import { decodeRequest } from './unary-call.ts'

/**
 * The common part of calls with several responses. Only one message is sent at a time, so that the
 * client sets the pace.
 */
export abstract class WritingCall<C> extends Call<C> {
  readonly isStream = true
  protected readonly definition: Method
  protected writing = false
  /** When {@link isLate} first saw an incomplete next request, in milliseconds on the monotonic clock. */
  protected partSinceMs = NOT_WAITING

  constructor(base: Http2Call, owner: CallOwner<C>, definition: Method) {
    super(base, owner, definition.path)
    this.definition = definition
  }

  /** A client need not send another request, but must finish one that it has begun. */
  override isLate(now: number, patienceMs: number): boolean {
    this.partSinceMs = this.base.hasRest ? Math.min(this.partSinceMs, now) : NOT_WAITING
    return super.isLate(now, patienceMs) || now - this.partSinceMs > patienceMs
  }

  /** The client has taken the last message. */
  protected abstract written(): void

  protected override get isBlocked(): boolean {
    return this.writing
  }

  protected write(message: object): void {
    if (this.finished) return
    let bytes: Buffer
    try {
      bytes = this.definition.responseSerialize(message)
    } catch (error) {
      this.fail(error)
      return
    }
    if (bytes !== message) this.base.bytes.keepAnswer(bytes.length)
    if (this.finished) return
    this.writing = true
    this.waitingSinceMs = this.owner.nowMs()
    this.base.sendMessage(bytes, () => {
      this.writing = false
      this.base.bytes.answerTaken()
      if (this.finished) return
      this.waitingSinceMs = NOT_WAITING
      this.written()
    })
  }
}

/** A call with one request and a stream of responses. */
abstract class ServerStreamCall<C> extends WritingCall<C> {
  #request: Buffer | undefined

  /** Handles the request. `bytes` is its encoded length. */
  protected abstract run(request: object, bytes: number): void

  override onReceiveMessage(bytes: Buffer): void {
    if (this.#request !== undefined) {
      this.refuseRequest('more than one request message')
      return
    }
    this.#request = this.base.keep(bytes)
    this.base.startRead()
  }

  override onReceiveHalfClose(): void {
    if (this.finished) return
    const bytes = this.#request
    if (bytes === undefined) {
      this.refuseRequest('no request message')
      return
    }
    this.#request = EMPTY // do not keep the encoded request for the life of the stream
    this.waitingSinceMs = NOT_WAITING
    try {
      const request = decodeRequest(this.definition, bytes)
      if (request === undefined) {
        this.refuseRequest('malformed request message')
        return
      }
      this.base.bytes.handled()
      this.run(request, bytes.length)
    } catch (error) {
      this.fail(error)
    }
  }
}

const EMPTY = Buffer.alloc(0)

/** Sends the messages of an async iterable. */
export class StreamCall<C> extends ServerStreamCall<C> {
  readonly #handler: StreamHandler<C, object, object>
  readonly #finite: boolean
  #wake: (() => void) | undefined

  constructor(
    base: Http2Call,
    owner: CallOwner<C>,
    definition: Method,
    handler: StreamHandler<C, object, object>,
    finite: boolean,
  ) {
    super(base, owner, definition)
    this.#handler = handler
    this.#finite = finite
  }

  protected override run(request: object, bytes: number): void {
    this.base.bytes.keep(bytes) // a generator may keep its request
    if (this.finished) return
    void this.#produce(this.#handler(this.owner.caller, request, this))
  }

  protected override written(): void {
    this.#wake?.()
  }

  protected override release(): void {
    this.#wake?.()
  }

  async #produce(messages: AsyncIterable<object>): Promise<void> {
    try {
      for await (const message of messages) {
        if (this.finished) return
        this.write(message)
        if (this.writing && !this.over) await new Promise<void>((resolve) => (this.#wake = resolve))
        if (this.finished) return
      }
      if (this.#finite) this.succeed()
      else this.fail(new CallEndingError('ending'))
    } catch (error) {
      this.fail(error)
    }
  }
}

/** Sends snapshots that are pushed: no generator, no promise, and at most one snapshot waits. */
export class PushCall<C> extends ServerStreamCall<C> implements StreamSink {
  readonly #handler: PushHandler<C, object>
  #pushing: Disposable | undefined
  #next: Buffer | undefined

  constructor(base: Http2Call, owner: CallOwner<C>, definition: Method, handler: PushHandler<C, object>) {
    super(base, owner, definition)
    this.#handler = handler
  }

  get ended(): boolean {
    return this.finished
  }

  send(message: Buffer): void {
    if (this.writing) this.#next = message
    else this.write(message)
  }

  end(error: unknown): void {
    this.#next = undefined
    this.fail(error)
  }

  protected override run(request: object): void {
    const pushing = this.#handler(this.owner.caller, request, this, this)
    if (this.over) pushing[Symbol.dispose]()
    else this.#pushing = pushing
  }

  protected override written(): void {
    const next = this.#next
    this.#next = undefined
    if (next !== undefined) this.write(next)
  }

  protected override release(): void {
    this.#next = undefined
    const pushing = this.#pushing
    this.#pushing = undefined
    pushing?.[Symbol.dispose]()
  }
}

/**
 * A bidirectional stream in which each request gets one response. The next request is read when the
 * client has taken the response.
 */
export class ExchangeCall<C> extends WritingCall<C> {
  readonly #handler: ExchangeHandler<C, object, object>

  constructor(
    base: Http2Call,
    owner: CallOwner<C>,
    definition: Method,
    handler: ExchangeHandler<C, object, object>,
  ) {
    super(base, owner, definition)
    this.#handler = handler
  }

  override onReceiveMessage(bytes: Buffer): void {
    if (this.finished) return
    this.partSinceMs = NOT_WAITING
    this.base.bytes.handled()
    try {
      const request = decodeRequest(this.definition, bytes)
      if (request === undefined) {
        this.refuseRequest('malformed request message')
        return
      }
      this.write(this.#handler(this.owner.caller, request, this))
    } catch (error) {
      this.fail(error)
    }
  }

  override onReceiveHalfClose(): void {
    this.succeed()
  }

  protected override written(): void {
    this.base.startRead()
  }

  protected override release(): void {}
}
