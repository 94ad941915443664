import type { Command } from 'commander'
import type { VerifyAuditResponse__Output } from '../../../rpc/gen/signet/v1/VerifyAuditResponse.ts'
import { withExample, withJson } from '../../command.ts'
import { type AuthorityOptions, connectAuthority, withAuthority } from '../../connections.ts'
import { ExitCode } from '../../exit-codes.ts'
import { print, printJson, warn } from '../../output.ts'

type Options = AuthorityOptions & { readonly json?: boolean }

/** Every row is read. */
const DEADLINE_MS = 600_000

export function define(command: Command): void {
  withExample(
    withJson(withAuthority(command))
      .addHelpText('after', '\nEnds with 0 when the log is whole, 1 when it is not.')
      .action(verify),
    'signet audit verify',
  )
}

async function verify(options: Options): Promise<void> {
  using client = connectAuthority(options)
  const found = await client.unary<object, VerifyAuditResponse__Output>(
    'signet.v1.AdminService',
    'VerifyAudit',
    {},
    {
      deadlineMs: DEADLINE_MS,
    },
  )
  if (!found.intact) process.exitCode = ExitCode.NO
  if (options.json) return printJson({ ...found, events: Number(found.events), heads: Number(found.heads) })
  for (const problem of found.problems) warn(problem)
  if (found.intact) print(`the audit log is whole: ${found.events} events, ${found.heads} signed heads`)
  else
    warn(
      `signet: the audit log is not whole (${found.events} events read): keep a copy of the data directory, and compare it with a backup`,
    )
}
