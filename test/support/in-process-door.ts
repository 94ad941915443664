import type { Appearance, AuthorityClient, AuthorityDoor } from '../../src/agent/uplink/authority-door.ts'
import { joinHandlers } from '../../src/authority/api/join-service.ts'
import { botCallerOf, type Caller } from '../../src/authority/caller.ts'
import { parseCertificate } from '../../src/crypto/x509.ts'
import type { CallContext, ConversationHandler, UnaryHandler } from '../../src/rpc/handlers.ts'
import { decodeMessage, encodeMessage } from '../../src/rpc/services.ts'
import { RpcError, toStatus } from '../../src/rpc/status.ts'
import type { AuthorityState } from './authority-state.ts'
import { converseWith } from './in-process-conversation.ts'

type Step = 'before answer' | 'after answer'

const CONTEXT: CallContext = {
  signal: new AbortController().signal,
  method: '',
  expectAnswer: () => undefined,
}

/**
 * Connects an agent to the authority's real join service without a network. Messages are encoded
 * and decoded as on the wire. `reach` is called at each step and may throw.
 */
export function doorTo(state: AuthorityState, reach: (step: Step) => void = () => undefined): AuthorityDoor {
  const handlers = joinHandlers({ joiner: state.joiner, renewer: state.renewer, clock: state.clock })
  const { converse } = handlers['Join'] as { converse: ConversationHandler<Caller, object, object> }
  const { unary: renew } = handlers['Renew'] as { unary: UnaryHandler<Caller, object, object> }
  return {
    firstContact: async () => ({
      root: state.keys.current().controlRoots[0] as Buffer,
      trustDomain: state.keys.trustDomain.name,
    }),
    open: async ({ current }: Appearance) => {
      const nowSeconds = state.clock.now().getTime() / 1000
      const caller: Caller = current
        ? botCallerOf(parseCertificate(current.chain[0] as Buffer), nowSeconds, 'test')
        : { kind: 'anonymous', address: 'test' }
      const asked = async (name: string, request: object, answer: (request: object) => Promise<object>) => {
        reach('before answer')
        const given = await answer(onTheWire(`signet.v1.${name}Request`, request)).catch((error: unknown) => {
          const { code, details, reference } = toStatus(error)
          throw new RpcError(code, details, { reference })
        })
        reach('after answer')
        return onTheWire(`signet.v1.${name}Response`, given)
      }
      const unary = (_service: string, name: string, request: object) =>
        asked(name, request, async (read) => renew(caller, read, CONTEXT))
      const open = () => {
        const call = converseWith(converse, caller)
        const say = (request: object) => asked('Join', request, (read) => call.say(read))
        return { say, [Symbol.dispose]: () => undefined }
      }
      return { unary, converse: open, close: () => undefined } as unknown as AuthorityClient
    },
  }
}

function onTheWire(type: string, message: object): object {
  return decodeMessage(type, encodeMessage(type, message))
}
