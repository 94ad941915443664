import { type Command, withJson } from '../../command.ts'
import { type AuthorityOptions, connectAuthority, withAuthority } from '../../connections.ts'
import { AlreadyThereError, UsageError } from '../../errors.ts'
import { list } from '../../lists.ts'
import { fromCommandLine, report, sendResources } from '../apply.ts'

interface Options extends AuthorityOptions {
  readonly role: readonly string[]
  readonly trait: readonly string[]
  readonly json?: boolean
}

export function define(command: Command): void {
  withJson(withAuthority(command))
    .positional('<name>')
    .flag('--role <name>', 'a role of the bot', { isList: true, names: 'role' })
    .flag('--trait <name=value>', 'a trait of the bot', { isList: true })
    .action(create)
    .example('signet bot create builder --role ci --trait team=pay')
}

async function create(name: string, options: Options): Promise<void> {
  const traits = Object.fromEntries(options.trait.map(parseTrait))
  using client = connectAuthority(options)
  if ((await list(client, 'bot')).some((bot) => bot.name === name)) {
    throw new AlreadyThereError(`there is a bot ${name} already: change it with signet apply`)
  }
  const resource = { kind: 'bot', version: 'v1', metadata: { name }, spec: { roles: options.role, traits } }
  report(await sendResources(client, fromCommandLine(resource)), options)
}

function parseTrait(text: string): [string, string] {
  const [, name, value] = /^([^=]+)=(.*)$/s.exec(text) ?? []
  if (name === undefined || value === undefined)
    throw new UsageError(`${text}: expected a trait such as team=pay`)
  return [name, value]
}
