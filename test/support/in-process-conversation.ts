import type { Conversation } from '../../src/rpc/calls.ts'
import type { Ask, CallContext, ConversationHandler } from '../../src/rpc/handlers.ts'

/**
 * Connects both sides of a conversation without a network. `say` resolves to what the handler asks
 * or returns.
 */
export function converseWith<C, Req extends object, Res extends object>(
  handler: ConversationHandler<C, Req, Res>,
  caller: C,
  context: CallContext = {
    signal: new AbortController().signal,
    method: '',
    expectAnswer: () => undefined,
  },
): Conversation<Req, Res> {
  let said = Promise.withResolvers<Res>()
  let answered: PromiseWithResolvers<Req> | undefined
  const ask: Ask<Req, Res> = (message) => {
    answered = Promise.withResolvers<Req>()
    said.resolve(message)
    return answered.promise
  }
  const begin = (first: Req): void => {
    handler(caller, first, ask, context).then(
      (message) => said.resolve(message),
      (error: unknown) => said.reject(error),
    )
  }
  let isBegun = false
  return {
    say: (message) => {
      said = Promise.withResolvers<Res>()
      if (isBegun) answered?.resolve(message)
      else begin(message)
      isBegun = true
      return said.promise
    },
    [Symbol.dispose]: () => undefined,
  }
}
