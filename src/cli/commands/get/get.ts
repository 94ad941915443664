import { RESOURCE_KINDS } from '../../../config/resource-specs.ts'
import type { RpcCalls } from '../../../rpc/calls.ts'
import type { GetResourceResponse__Output } from '../../../rpc/gen/signet/v1/GetResourceResponse.ts'
import type { Resource__Output } from '../../../rpc/gen/signet/v1/Resource.ts'
import { type Command, withJson } from '../../command.ts'
import { type AuthorityOptions, connectAuthority, withAuthority } from '../../connections.ts'
import { UsageError } from '../../errors.ts'
import { list, listInstances } from '../../lists.ts'
import { print, printJson } from '../../output.ts'
import { describeInstance, formatInstances } from './instances.ts'
import { formatResources } from './tables.ts'

type Options = AuthorityOptions & { readonly json?: boolean }

const ADMIN = 'signet.v1.AdminService'
const KINDS = [...RESOURCE_KINDS, 'bot_instance', 'all']

export function define(command: Command): void {
  withJson(withAuthority(command))
    .positional('<kind>', 'what to list; all is everything', { choices: KINDS })
    .positional('[name]', 'one of them, as YAML; of bot_instance: the bot', { names: 'of_kind' })
    .note(
      'What --json prints is what signet apply -f takes, but for bot_instance, which nobody writes and all ' +
        'therefore leaves out.',
    )
    .action(get)
    .example(
      'signet get workload_identity',
      'signet get bot builder > builder.yaml',
      'signet get all --json > all.json',
    )
}

async function get(kind: string, name: string | undefined, options: Options): Promise<void> {
  if (kind === 'all' && name !== undefined) throw new UsageError(`all has no names: signet get KIND ${name}`)
  using client = connectAuthority(options)
  if (kind === 'bot_instance') {
    const instances = await listInstances(client, name)
    if (options.json) printJson(instances.map(describeInstance))
    else print(formatInstances(instances))
    return
  }
  if (name !== undefined) {
    const { json, yaml } = await one(client, kind, name)
    if (options.json) printJson([JSON.parse(json)])
    else print(yaml)
    return
  }
  const resources = await list(client, kind)
  if (options.json) return printJson(resources.map(({ json }) => JSON.parse(json)))
  const context = { locks: await list(client, 'lock'), instances: await listInstances(client) }
  const kinds = kind === 'all' ? RESOURCE_KINDS.filter((each) => has(resources, each)) : [kind]
  const tables = kinds.map((each) => formatResources(each, resources, context))
  if (kind !== 'all') return print(tables.join(''))
  const titled = tables.map((table, at) => `${kinds[at]}\n${table}`)
  if (context.instances.length > 0) titled.push(`bot_instance\n${formatInstances(context.instances)}`)
  print(titled.length === 0 ? 'There is nothing yet.' : titled.join('\n\n'))
}

function has(resources: readonly Resource__Output[], kind: string): boolean {
  return resources.some((resource) => resource.kind === kind)
}

async function one(client: RpcCalls, kind: string, name: string): Promise<Resource__Output> {
  const request = { kind, name }
  const answer = await client.unary<object, GetResourceResponse__Output>(ADMIN, 'GetResource', request)
  return answer.resource as Resource__Output
}
