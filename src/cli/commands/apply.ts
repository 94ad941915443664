import type { RpcCalls } from '../../rpc/calls.ts'
import type { ApplyRequest } from '../../rpc/gen/signet/v1/ApplyRequest.ts'
import type { ApplyResponse__Output } from '../../rpc/gen/signet/v1/ApplyResponse.ts'
import { type Command, withJson } from '../command.ts'
import { type AuthorityOptions, connectAuthority, withAuthority } from '../connections.ts'
import { ExitCode } from '../exit-codes.ts'
import { printJson, printLine, warn } from '../output.ts'
import { readResources, withResourceFiles } from '../resource-input.ts'

interface Options extends AuthorityOptions {
  readonly filename: readonly string[]
  readonly dryRun?: boolean
  readonly json?: boolean
}

/** The authority validates and stores a large file in one transaction. */
const DEADLINE_MS = 120_000

export function define(command: Command): void {
  withResourceFiles(withJson(withAuthority(command)))
    .flag('--dry-run', 'check and compare only')
    .note('What is named is applied together: all of it, or nothing.')
    .action(apply)
    .example(
      'signet apply -f resources.yaml',
      'signet apply -f roles.yaml -f identities/',
      'signet apply -f - --dry-run < resources.yaml',
    )
}

async function apply(options: Options): Promise<void> {
  const files = await readResources(options.filename)
  using client = connectAuthority(options)
  report(await sendResources(client, { files, dryRun: options.dryRun === true }), options)
}

export function sendResources(client: RpcCalls, request: ApplyRequest): Promise<ApplyResponse__Output> {
  return client.unary('signet.v1.AdminService', 'Apply', request, { deadlineMs: DEADLINE_MS })
}

/** Resources that the command line describes. JSON is valid YAML. */
export function fromCommandLine(...resources: readonly object[]): ApplyRequest {
  const text = resources.map((resource) => JSON.stringify(resource)).join('\n---\n')
  return { files: [{ text, name: '(command line)' }] }
}

/** Prints the result. Mistakes end the command with the exit code for invalid input. */
export function report(
  done: ApplyResponse__Output,
  options: { readonly dryRun?: boolean; readonly json?: boolean },
): void {
  const refused = done.problems.length > 0
  if (refused) process.exitCode = done.isOutdated ? ExitCode.CONFLICT : ExitCode.INVALID
  for (const problem of done.problems) warn(problem)
  for (const warning of done.warnings) warn(`warning: ${warning}`)
  const code = done.isOutdated ? 'ERR_RESOURCE_CHANGED' : 'ERR_RESOURCES_INVALID'
  if (refused) warn(`signet: nothing was applied: ${count(done.problems.length, 'mistake')} (${code})`)
  if (options.json) printJson(done)
  if (options.json || refused) return
  const mode = options.dryRun ? ' (dry run)' : ''
  for (const { kind, name, action } of done.resources) printLine(`${kind} ${name} ${action}${mode}`)
  for (const { joinToken, secret } of done.secrets) {
    printLine(`secret of join token ${joinToken}, shown this once: ${secret}`)
  }
}

function count(many: number, noun: string): string {
  return `${many} ${noun}${many === 1 ? '' : 's'}`
}
