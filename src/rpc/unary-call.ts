import { Call, type CallOwner, NOT_WAITING } from './call.ts'
import type { UnaryHandler } from './handlers.ts'
import type { Http2Call } from './http2-call.ts'
import type { Method } from './services.ts'

/**
 * A call with one request and one response. This path is kept lean: one object for each call, and
 * no promise unless the handler makes one.
 */
export class UnaryCall<C> extends Call<C> {
  readonly isStream = false
  readonly #definition: Method
  readonly #handler: UnaryHandler<C, object, object>
  #request: Buffer | undefined

  constructor(
    base: Http2Call,
    owner: CallOwner<C>,
    definition: Method,
    handler: UnaryHandler<C, object, object>,
  ) {
    super(base, owner, definition.path)
    this.#definition = definition
    this.#handler = handler
  }

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
    this.waitingSinceMs = NOT_WAITING
    let answer: object | Promise<object>
    try {
      const request = decodeRequest(this.#definition, bytes)
      if (request === undefined) {
        this.refuseRequest('malformed request message')
        return
      }
      answer = this.#handler(this.owner.caller, request, this)
    } catch (error) {
      this.fail(error)
      return
    }
    if (answer instanceof Promise) {
      this.#request = undefined
      this.base.bytes.beginHandling()
      answer.then(
        (message) => this.answerWith(this.#definition, message),
        (error: unknown) => {
          this.base.bytes.handled()
          this.fail(error)
        },
      )
    } else {
      this.answerWith(this.#definition, answer)
    }
  }

  protected override release(): void {
    this.#request = undefined
  }
}

/** Decodes a request, or returns undefined when the bytes are not such a message. */
export function decodeRequest(definition: Method, bytes: Buffer): object | undefined {
  try {
    return definition.requestDeserialize(bytes)
  } catch {
    return undefined // the peer learns only that the message is malformed
  }
}
