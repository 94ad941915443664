import { createInterface } from 'node:readline'
import { RESOURCE_KINDS } from '../../config/resource-specs.ts'
import type { RpcCalls } from '../../rpc/calls.ts'
import { type Command, withJson } from '../command.ts'
import { type AuthorityOptions, connectAuthority, withAuthority } from '../connections.ts'
import { StillInUseError } from '../errors.ts'
import { listInstances } from '../lists.ts'
import { printJson, printLine, printQuestion, warn } from '../output.ts'

type Options = AuthorityOptions & {
  readonly revision?: string
  readonly yes?: boolean
  readonly json?: boolean
}

export function define(command: Command): void {
  withJson(withAuthority(command))
    .positional('<kind>', '', { choices: RESOURCE_KINDS })
    .positional('<name>', '', { names: 'of_kind' })
    .flag('--revision <revision>', 'only if this is still its revision')
    .flag('--yes', 'also a bot whose agents are connected, without asking')
    .action(remove)
    .example('signet delete workload_identity payments', 'signet delete bot builder --yes')
}

async function remove(kind: string, name: string, options: Options): Promise<void> {
  using client = connectAuthority(options)
  if (kind === 'bot' && !options.yes) await agree(client, name)
  const request = { kind, name, revision: options.revision ?? '' }
  await client.unary('signet.v1.AdminService', 'DeleteResource', request)
  if (options.json) return printJson({ kind, name, action: 'deleted' })
  printLine(`${kind} ${name} deleted`)
}

const MAX_NAMED = 5

/** Says what stops without the bot, and asks somebody at a terminal. @throws StillInUseError */
async function agree(client: RpcCalls, bot: string): Promise<void> {
  const agents = await listInstances(client, bot)
  const hosts = agents.filter(({ connected }) => connected).map(({ hostname }) => hostname)
  if (hosts.length === 0) return
  const named = hosts.length > MAX_NAMED ? [...hosts.slice(0, MAX_NAMED), '…'] : hosts
  const stops =
    `bot ${bot} has ${agents.length} ${agents.length === 1 ? 'agent' : 'agents'}, ${hosts.length} connected (${named.join(', ')}): ` +
    'without it they are refused at once, and their workloads lose their SVIDs'
  if (process.stdin.isTTY === true && process.stderr.isTTY === true) {
    warn(stops)
    if (/^y(es)?$/i.test((await answerTo('Delete it? [y/N] ')).trim())) return
    throw new StillInUseError('nothing was deleted')
  }
  throw new StillInUseError(`${stops}: nothing was deleted (--yes deletes it)`)
}

/**
 * Asks at the terminal. The terminal itself edits the line, so that Control-C ends this program as it ends
 * any other, and Control-D answers nothing.
 */
async function answerTo(question: string): Promise<string> {
  printQuestion(question)
  using asking = createInterface({ input: process.stdin })
  for await (const line of asking) return line
  warn('')
  return ''
}
