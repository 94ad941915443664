import type { SyncRequest__Output } from '../../rpc/gen/signet/v1/SyncRequest.ts'
import type { SyncResponse } from '../../rpc/gen/signet/v1/SyncResponse.ts'
import type { CallContext, Handlers } from '../../rpc/handlers.ts'
import { checkProtocol } from '../../rpc/protocol.ts'
import type { BotDirectory } from '../bots/bot-directory.ts'
import type { Caller } from '../caller.ts'
import { botOf, instanceOf } from './bot-call.ts'
import { SyncSession, type SyncSessionDeps } from './sync-session.ts'

export interface SyncApiDeps extends SyncSessionDeps {
  readonly directory: Pick<BotDirectory, 'use' | 'mayStay'>
  readonly connected: ConnectedInstances
}

/** Which instances have a sync stream open, and how many each: a renewed agent has two for a moment. */
export class ConnectedInstances {
  readonly #streams = new Map<string, number>()

  has(instanceId: string): boolean {
    return this.#streams.has(instanceId)
  }

  get size(): number {
    return this.#streams.size
  }

  open(instanceId: string): Disposable {
    this.#streams.set(instanceId, (this.#streams.get(instanceId) ?? 0) + 1)
    return {
      [Symbol.dispose]: () => {
        const left = (this.#streams.get(instanceId) ?? 1) - 1
        if (left > 0) this.#streams.set(instanceId, left)
        else this.#streams.delete(instanceId)
      },
    }
  }
}

/** signet.v1.SyncService */
export function syncHandlers(deps: SyncApiDeps): Handlers<Caller> {
  return {
    Sync: {
      stream: async function* (
        caller: Caller,
        request: SyncRequest__Output,
        context: CallContext,
      ): AsyncGenerator<SyncResponse> {
        checkProtocol(request.protocolVersion)
        const { id, bot, joinToken, joinMethod } = instanceOf(deps.directory, caller)
        const shown = botOf(caller)
        const mayStay = (): boolean => deps.directory.mayStay(shown)
        const subject = { id, bot, joinToken, joinMethod, notAfter: shown.notAfter, mayStay }
        using _connected = deps.connected.open(id)
        using session = new SyncSession(deps, subject)
        yield* session.messages(context.signal)
      },
    },
  }
}
