import type { BotInstance as BotInstanceMessage } from '../../../rpc/gen/signet/v1/BotInstance.ts'
import type { ListBotInstancesRequest__Output } from '../../../rpc/gen/signet/v1/ListBotInstancesRequest.ts'
import type { ListBotInstancesResponse } from '../../../rpc/gen/signet/v1/ListBotInstancesResponse.ts'
import type { Handlers } from '../../../rpc/handlers.ts'
import { toTimestamp } from '../../../rpc/timestamp.ts'
import type { BotInstance } from '../../bots/bot-instance.ts'
import type { Bots } from '../../bots/bots.ts'
import type { Caller } from '../../caller.ts'

interface BotInstanceApiDeps {
  readonly bots: Pick<Bots, 'list'>
  readonly connected: { has(instanceId: string): boolean }
}

/** AdminService: the agents that have joined. */
export function botInstanceHandlers({
  bots,
  connected,
}: BotInstanceApiDeps): Pick<Handlers<Caller, 'signet.v1.AdminService'>, 'ListBotInstances'> {
  return {
    ListBotInstances: {
      unary: (_caller: Caller, { bot }: ListBotInstancesRequest__Output): ListBotInstancesResponse => ({
        instances: bots.list(bot || undefined).map((one) => toMessage(one, connected.has(one.id))),
      }),
    },
  }
}

function toMessage(instance: BotInstance, connected: boolean): BotInstanceMessage {
  const { id, bot, joinToken, generation, agentVersion, hostname } = instance
  return {
    id,
    bot,
    joinToken,
    generation,
    joined: toTimestamp(instance.joinedMs),
    renewed: toTimestamp(instance.renewedMs),
    notAfter: toTimestamp(instance.notAfterMs),
    agentVersion,
    hostname,
    connected,
  }
}
