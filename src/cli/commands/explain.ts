import { formatExplanation } from '../../policy/format-explanation.ts'
import { type Command, withJson } from '../command.ts'
import {
  type AgentOptions,
  type AuthorityOptions,
  connectAgent,
  connectAuthority,
  type WorkloadOptions,
  withAgent,
  withAuthority,
  withWorkloadApi,
} from '../connections.ts'
import { UsageError } from '../errors.ts'
import { readInput } from '../input.ts'
import { print, printJsonText } from '../output.ts'

interface Options extends AgentOptions, AuthorityOptions, WorkloadOptions {
  readonly pid?: string
  readonly attributes?: string
  readonly json?: boolean
}

export function define(command: Command): void {
  withWorkloadApi(withAgent(withAuthority(withJson(command))))
    .flag('--pid <number>', 'a process on this host, attested as if it had called; asks the agent')
    .flag('--attributes <file>', 'an attribute tree as JSON or - for standard input; asks the authority')
    .action(explain)
    .example(
      'signet explain --pid 812',
      `echo '{"workload":{"unix":{"uid":1000}}}' | signet explain --attributes -`,
    )
}

async function explain(options: Options): Promise<void> {
  const json = await ask(options)
  if (options.json) return printJsonText(json)
  print(formatExplanation(JSON.parse(json)))
}

async function ask(options: Options): Promise<string> {
  if ((options.pid === undefined) === (options.attributes === undefined)) {
    throw new UsageError('give --pid or --attributes')
  }
  if (options.pid !== undefined) {
    const pid = Number(options.pid)
    if (!Number.isInteger(pid) || pid < 1) throw new UsageError('--pid: expected the number of a process')
    using agent = connectAgent(options)
    const answer = await agent.unary<object, { explanationJson: string }>(
      'signet.v1.AgentAdminService',
      'Explain',
      {
        pid,
      },
    )
    return answer.explanationJson
  }
  const { text } = await readInput(options.attributes ?? '-')
  using authority = connectAuthority(options)
  const answer = await authority.unary<object, { explanationJson: string }>(
    'signet.v1.AdminService',
    'Explain',
    {
      attributesJson: text,
    },
  )
  return answer.explanationJson
}
