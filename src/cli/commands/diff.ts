import { type Command, withJson } from '../command.ts'
import { type AuthorityOptions, connectAuthority, withAuthority } from '../connections.ts'
import { ExitCode } from '../exit-codes.ts'
import { print, printJson } from '../output.ts'
import { readResources, withResourceFiles } from '../resource-input.ts'
import { report, sendResources } from './apply.ts'

interface Options extends AuthorityOptions {
  readonly filename: readonly string[]
  readonly json?: boolean
}

export function define(command: Command): void {
  withResourceFiles(withJson(withAuthority(command)))
    .note('Ends with 0 when nothing would change, 1 when something would.')
    .action(diff)
    .example('signet diff -f resources.yaml')
}

async function diff(options: Options): Promise<void> {
  const files = await readResources(options.filename)
  using client = connectAuthority(options)
  const done = await sendResources(client, { files, dryRun: true })
  if (done.problems.length > 0) return report(done, { dryRun: true })
  const changed = done.resources.filter(({ action }) => action !== 'unchanged')
  if (changed.length > 0) process.exitCode = ExitCode.NO
  if (options.json) return printJson(changed)
  for (const { kind, name, action, diff: text } of changed) print(text || `${kind} ${name} ${action}`)
}
