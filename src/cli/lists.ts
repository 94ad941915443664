import type { RpcCalls } from '../rpc/calls.ts'
import type { BotInstance__Output } from '../rpc/gen/signet/v1/BotInstance.ts'
import type { ListBotInstancesResponse__Output } from '../rpc/gen/signet/v1/ListBotInstancesResponse.ts'
import type { ListResourcesResponse__Output } from '../rpc/gen/signet/v1/ListResourcesResponse.ts'
import type { Resource__Output } from '../rpc/gen/signet/v1/Resource.ts'

/** What the authority has, for commands that show or check it. */

const ADMIN = 'signet.v1.AdminService'

/** The resources of a kind, or of `all`. */
export async function list(client: RpcCalls, kind: string): Promise<Resource__Output[]> {
  const request = { kind: kind === 'all' ? '' : kind }
  const answer = await client.unary<object, ListResourcesResponse__Output>(ADMIN, 'ListResources', request)
  return answer.resources
}

/** The instances of one bot, or of all. */
export async function listInstances(client: RpcCalls, bot = ''): Promise<BotInstance__Output[]> {
  const request = { bot }
  const answer = await client.unary<object, ListBotInstancesResponse__Output>(
    ADMIN,
    'ListBotInstances',
    request,
  )
  return answer.instances
}
