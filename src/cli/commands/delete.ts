import { type Command, withJson } from '../command.ts'
import { type AuthorityOptions, connectAuthority, withAuthority } from '../connections.ts'
import { printJson, printLine } from '../output.ts'

type Options = AuthorityOptions & { readonly revision?: string; readonly json?: boolean }

export function define(command: Command): void {
  withJson(withAuthority(command))
    .positional('<kind>', 'role, bot, join_token, workload_identity, federation or lock')
    .positional('<name>')
    .flag('--revision <revision>', 'only if this is still its revision')
    .action(remove)
    .example('signet delete workload_identity payments')
}

async function remove(kind: string, name: string, options: Options): Promise<void> {
  using client = connectAuthority(options)
  const request = { kind, name, revision: options.revision ?? '' }
  await client.unary('signet.v1.AdminService', 'DeleteResource', request)
  if (options.json) return printJson({ kind, name, action: 'deleted' })
  printLine(`${kind} ${name} deleted`)
}
