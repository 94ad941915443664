import { type CallOwner, NOT_WAITING } from './call.ts'
import { CallEndingError, ConversationTooLongError } from './errors.ts'
import type { ConversationHandler, ConversationLimits } from './handlers.ts'
import type { Http2Call } from './http2-call.ts'
import type { Method } from './services.ts'
import { WritingCall } from './stream-call.ts'
import { decodeRequest } from './unary-call.ts'

interface ConversationRoute<C> {
  readonly converse: ConversationHandler<C, object, object>
  readonly limits: ConversationLimits
}

/**
 * A bidirectional stream on which both sides take turns. The call reads the peer's next message
 * only after the handler has asked for it, so it never holds messages sent out of turn.
 */
export class ConversationCall<C> extends WritingCall<C> {
  readonly #converse: ConversationHandler<C, object, object>
  readonly #limits: ConversationLimits
  readonly #deadline: NodeJS.Timeout
  #messages = 0
  #bytes = 0
  /** The handler's question, while the peer has not answered it. */
  #asked: PromiseWithResolvers<object> | undefined

  constructor(
    base: Http2Call,
    owner: CallOwner<C>,
    definition: Method,
    { converse, limits }: ConversationRoute<C>,
  ) {
    super(base, owner, definition)
    this.#converse = converse
    this.#limits = limits
    this.#deadline = setTimeout(
      () => this.endWith(new ConversationTooLongError('the call has taken too long')),
      limits.maxMs,
    )
  }

  override onReceiveMessage(bytes: Buffer): void {
    if (this.finished) return
    this.partSinceMs = NOT_WAITING
    this.waitingSinceMs = NOT_WAITING
    this.#messages += 1
    this.#bytes += bytes.length
    if (this.#messages > this.#limits.maxMessages || this.#bytes > this.#limits.maxBytes) {
      this.fail(new ConversationTooLongError('too many messages in this call'))
      return
    }
    const request = decodeRequest(this.definition, this.base.keep(bytes))
    if (this.finished) return // evicted because of the bytes it would hold
    if (request === undefined) this.refuseRequest('malformed request message')
    else if (this.#asked === undefined) this.#begin(request)
    else this.#answered(this.#asked, request)
  }

  override onReceiveHalfClose(): void {
    if (this.finished) return
    this.refuseRequest(
      this.#asked === undefined ? 'no request message' : 'the request ends without an answer',
    )
  }

  /** The peer has read the question; from now on the call waits for its answer. */
  protected override written(): void {
    if (this.#asked !== undefined) this.waitingSinceMs = this.owner.nowMs()
  }

  protected override release(): void {
    clearTimeout(this.#deadline)
    this.#asked?.reject(new CallEndingError('ending'))
    this.#asked = undefined
  }

  #begin(request: object): void {
    this.base.bytes.beginHandling()
    const ask = (message: object): Promise<object> => this.#ask(message)
    const converse = async (): Promise<object> => this.#converse(this.owner.caller, request, ask, this)
    converse().then(
      (message) => this.answerWith(this.definition, message),
      (error: unknown) => {
        this.base.bytes.handled()
        this.fail(error)
      },
    )
  }

  #ask(message: object): Promise<object> {
    if (this.#asked !== undefined) throw new TypeError('the peer was asked already')
    if (this.finished) return Promise.reject(new CallEndingError('ending'))
    const asked = Promise.withResolvers<object>()
    asked.promise.catch(() => undefined) // the handler may have given up waiting
    this.#asked = asked
    this.base.bytes.pauseHandling()
    this.write(message)
    this.base.startRead()
    return asked.promise
  }

  #answered(asked: PromiseWithResolvers<object>, request: object): void {
    this.#asked = undefined
    this.base.bytes.resumeHandling()
    asked.resolve(request)
  }
}
