import type { SyncRequest__Output } from '../../rpc/gen/signet/v1/SyncRequest.ts'
import type { SyncResponse } from '../../rpc/gen/signet/v1/SyncResponse.ts'
import type { CallContext, Handlers } from '../../rpc/handlers.ts'
import { checkProtocol } from '../../rpc/protocol.ts'
import { toTimestamp } from '../../rpc/timestamp.ts'
import type { BotInstance } from '../bots/bot-instance.ts'
import type { InstanceConnections } from '../bots/instance-connections.ts'
import type { Caller } from '../caller.ts'
import { botOf } from './bot-call.ts'
import { SyncSession, type SyncSessionDeps } from './sync-session.ts'
import type { SyncStreams } from './sync-streams.ts'

interface SyncApiDeps extends SyncSessionDeps {
  readonly connections: Pick<InstanceConnections, 'use' | 'mayStay'>
  readonly streams: SyncStreams
}

/** signet.v1.SyncService */
export function syncHandlers(deps: SyncApiDeps): Handlers<Caller, 'signet.v1.SyncService'> {
  return {
    Sync: {
      stream: async function* (
        caller: Caller,
        request: SyncRequest__Output,
        context: CallContext,
      ): AsyncGenerator<SyncResponse> {
        checkProtocol(request.protocolVersion)
        const shown = botOf(caller)
        const use = (): BotInstance => deps.connections.use(shown, 'sync')
        const { id, bot, joinToken, joinMethod, joinAttributes } = use()
        const mayStay = (): boolean => deps.connections.mayStay(shown)
        const facts = { id, bot, joinToken, joinMethod, joinAttributes }
        const subject = { ...facts, notAfter: shown.notAfter, mayStay, use }
        using stream = deps.streams.open(shown, context.signal)
        using session = new SyncSession(deps, subject)
        const until = AbortSignal.any([context.signal, stream.replaced])
        for await (const message of session.messages(until)) {
          yield { ...message, authorityTime: toTimestamp(deps.clock.now().getTime()) }
        }
        stream.replaced.throwIfAborted()
      },
    },
  }
}
