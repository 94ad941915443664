import type { ClientDuplexStream, ServiceError } from '@grpc/grpc-js'
import type { Conversation } from './calls.ts'
import { RpcError, StatusCode } from './status.ts'

interface ConversationDeps {
  /** Converts an error of grpc-js to the one that the caller gets. */
  readonly failure: (error: ServiceError) => RpcError
  /** Called when the conversation is disposed. */
  readonly over: () => void
}

/** A bidirectional stream of grpc-js used in turns: send one message, wait for its answer. */
export class ClientConversation<Req extends object, Res extends object> implements Conversation<Req, Res> {
  readonly #call: ClientDuplexStream<object, object>
  readonly #answers: AsyncIterator<object>
  readonly #deps: ConversationDeps

  constructor(call: ClientDuplexStream<object, object>, deps: ConversationDeps) {
    this.#call = call
    this.#deps = deps
    this.#answers = call[Symbol.asyncIterator]()
    call.on('error', ignore) // `say` reports it; without a pending `say` the event would be unhandled
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
