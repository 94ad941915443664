import type { RpcCalls } from '../../rpc/calls.ts'
import { type Command, withJson } from '../command.ts'
import { type AuthorityOptions, connectAuthority, withAuthority } from '../connections.ts'
import { NothingThereError, UsageError } from '../errors.ts'
import { list } from '../lists.ts'
import { hasTarget, parseTargets, type TargetOptions, withTarget } from '../lock-target.ts'
import { printJson, printLine } from '../output.ts'

type Options = AuthorityOptions & TargetOptions & { readonly json?: boolean }

export function define(command: Command): void {
  withTarget(withJson(withAuthority(command)))
    .positional('[name]', 'of the lock; or name the target, and all locks on it go', { names: 'lock' })
    .action(unlock)
    .example('signet unlock lost-laptop', 'signet unlock --bot builder')
}

async function unlock(name: string | undefined, options: Options): Promise<void> {
  if ((name !== undefined) === hasTarget(options)) {
    throw new UsageError('give either the name of the lock or its target, such as --bot builder')
  }
  using client = connectAuthority(options)
  const names = name === undefined ? await locksOn(client, options) : [name]
  for (const lock of names) {
    await client.unary('signet.v1.AdminService', 'DeleteResource', { kind: 'lock', name: lock })
  }
  if (options.json) return printJson(names.map((lock) => ({ kind: 'lock', name: lock, action: 'deleted' })))
  for (const lock of names) printLine(`lock ${lock} deleted`)
}

async function locksOn(client: RpcCalls, options: TargetOptions): Promise<string[]> {
  const locks = await list(client, 'lock')
  const found = parseTargets(options).map(({ field, value }) => {
    const names = locks
      .filter(({ json }) => JSON.parse(json).spec?.target?.[field] === value)
      .map((lock) => lock.name)
    if (names.length === 0) throw new NothingThereError(`there is no lock on ${field} ${value}`)
    return names
  })
  return found.flat()
}
