import type { RpcCalls } from '../../rpc/calls.ts'
import type { BotInstance__Output } from '../../rpc/gen/signet/v1/BotInstance.ts'
import type { GetResourceResponse__Output } from '../../rpc/gen/signet/v1/GetResourceResponse.ts'
import type { ListBotInstancesResponse__Output } from '../../rpc/gen/signet/v1/ListBotInstancesResponse.ts'
import type { ListResourcesResponse__Output } from '../../rpc/gen/signet/v1/ListResourcesResponse.ts'
import type { Resource__Output } from '../../rpc/gen/signet/v1/Resource.ts'
import { type Command, withJson } from '../command.ts'
import { type AuthorityOptions, connectAuthority, withAuthority } from '../connections.ts'
import { formatTimestamp } from '../instant.ts'
import { formatTable, print, printJson } from '../output.ts'

type Options = AuthorityOptions & { readonly json?: boolean }

const ADMIN = 'signet.v1.AdminService'

export function define(command: Command): void {
  withJson(withAuthority(command))
    .positional('<kind>', 'role, bot, join_token, workload_identity, federation, lock; bot_instance; or all')
    .positional('[name]', 'one of them, as YAML; of bot_instance: the bot')
    .action(get)
    .example('signet get workload_identity', 'signet get bot builder > builder.yaml')
}

async function get(kind: string, name: string | undefined, options: Options): Promise<void> {
  using client = connectAuthority(options)
  // keeps the client open until this is done
  if (kind === 'bot_instance') return await printInstances(client, name, options)
  const resources = name === undefined ? await list(client, kind) : [await one(client, kind, name)]
  if (options.json) return printJson(resources.map(describe))
  if (name !== undefined) return print(resources[0]?.yaml ?? '')
  print(
    formatTable(
      ['KIND', 'NAME', 'REVISION', 'UPDATED'],
      resources.map((r) => [r.kind, r.name, r.revision, formatTimestamp(r.updated) ?? '']),
    ),
  )
}

export async function list(client: RpcCalls, kind: string): Promise<Resource__Output[]> {
  const request = { kind: kind === 'all' ? '' : kind }
  const { resources } = await client.unary<object, ListResourcesResponse__Output>(
    ADMIN,
    'ListResources',
    request,
  )
  return resources
}

async function one(client: RpcCalls, kind: string, name: string): Promise<Resource__Output> {
  const { resource } = await client.unary<object, GetResourceResponse__Output>(ADMIN, 'GetResource', {
    kind,
    name,
  })
  return resource as Resource__Output
}

function describe(resource: Resource__Output): object {
  const { kind, name, revision, updated, json } = resource
  return { ...JSON.parse(json), kind, name, revision, updated: formatTimestamp(updated) }
}

/** Lists the instances of one bot, or of all. */
export async function listInstances(client: RpcCalls, bot = ''): Promise<BotInstance__Output[]> {
  const { instances } = await client.unary<object, ListBotInstancesResponse__Output>(
    ADMIN,
    'ListBotInstances',
    { bot },
  )
  return instances
}

async function printInstances(client: RpcCalls, bot: string | undefined, options: Options): Promise<void> {
  const instances = await listInstances(client, bot)
  const described = instances.map((instance) => ({
    ...instance,
    generation: Number(instance.generation),
    joined: formatTimestamp(instance.joined),
    renewed: formatTimestamp(instance.renewed),
    notAfter: formatTimestamp(instance.notAfter),
  }))
  if (options.json) return printJson(described)
  print(
    formatTable(
      ['ID', 'BOT', 'HOST', 'GENERATION', 'JOINED', 'EXPIRES', 'CONNECTED'],
      described.map((i) => [
        i.id,
        i.bot,
        i.hostname,
        String(i.generation),
        i.joined ?? '',
        i.notAfter ?? '',
        i.connected ? 'yes' : 'no',
      ]),
    ),
  )
}
