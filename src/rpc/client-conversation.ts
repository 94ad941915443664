import type { ClientDuplexStream, ServiceError } from '@grpc/grpc-js'
import type { Conversation } from './calls.ts'
import { RpcError, StatusCode } from './status.ts'

export interface ConversationDeps {
  /** What a failed call is to its caller. */
  readonly failure: (error: ServiceError) => RpcError
  /** Called once, when nothing is waited for any more. */
  readonly over: () => void
}

/**
 * A bidirectional stream of grpc-js, on which this side says one thing at a time and hears the answer to it.
 */
export class ClientConversation<Req extends object, Res extends object> implements Conversation<Req, Res> {
  readonly #call: ClientDuplexStream<object, object>
  readonly #answers: AsyncIterator<object>
  readonly #deps: ConversationDeps

  constructor(call: ClientDuplexStream<object, object>, deps: ConversationDeps) {
    this.#call = call
    this.#deps = deps
    this.#answers = call[Symbol.asyncIterator]()
    call.on('error', ignore) // whoever waits for an answer gets it; nobody may be waiting
  }

  async say(message: Req): Promise<Res> {
    this.#call.write(message)
    let answer: IteratorResult<object, unknown>
    try {
      answer = await this.#answers.next()
    } catch (error) {
      throw this.#deps.failure(error as ServiceError)
    }
    if (answer.done === true) {
      throw new RpcError(StatusCode.INTERNAL, 'the server has ended the call without an answer')
    }
    return answer.value as Res
  }

  [Symbol.dispose](): void {
    this.#deps.over()
    this.#call.end()
    this.#call.cancel()
  }
}

function ignore(): void {}
