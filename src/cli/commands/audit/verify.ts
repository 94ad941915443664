import type { VerifyAuditResponse__Output } from '../../../rpc/gen/signet/v1/VerifyAuditResponse.ts'
import { type CommandLine, withExample, withJson } from '../../command.ts'
import { type AuthorityOptions, connectAuthority, withAuthority } from '../../connections.ts'
import { UsageError } from '../../errors.ts'
import { ExitCode } from '../../exit-codes.ts'
import { print, printable, printJson, warn } from '../../output.ts'
import { readHeads } from './heads.ts'

type Options = AuthorityOptions & { readonly json?: boolean; readonly heads?: string }

/** Every row is read. */
const DEADLINE_MS = 600_000

export function define(command: CommandLine): void {
  withExample(
    withJson(withAuthority(command))
      .option(
        '--heads <file>',
        'compare with signed heads that were kept elsewhere: any text with JSON lines of audit.head; - is standard input',
      )
      .addHelpText('after', '\nEnds with 0 when the log is whole, 1 when it is not.')
      .action(verify),
    'signet audit verify',
    'journalctl -u signet-authority -o cat | signet audit verify --heads -',
  )
}

async function verify(options: Options): Promise<void> {
  const heads = options.heads === undefined ? [] : await readHeads(options.heads)
  if (options.heads !== undefined && heads.length === 0) {
    throw new UsageError(
      `there is no signed head in ${options.heads}: expected lines of audit-heads.jsonl, or of a log with audit.head`,
    )
  }
  using client = connectAuthority(options)
  const found = await client.unary<object, VerifyAuditResponse__Output>(
    'signet.v1.AdminService',
    'VerifyAudit',
    { heads },
    { deadlineMs: DEADLINE_MS },
  )
  if (!found.intact) process.exitCode = ExitCode.NO
  if (options.json) {
    const { events, heads: signed, headsGiven, lastHead, ...rest } = found
    const last = lastHead ? { lastHead: JSON.parse(lastHead) as object } : {}
    const counts = { events: Number(events), heads: Number(signed), headsGiven: Number(headsGiven) }
    return printJson({ ...rest, ...counts, ...last })
  }
  for (const problem of found.problems) warn(printable(problem))
  const given = options.heads === undefined ? '' : `, ${found.headsGiven} from ${options.heads}`
  if (found.intact) {
    print(`the audit log is whole: ${found.events} events, ${found.heads} signed heads${given}`)
  } else
    warn(
      `signet: the audit log is not whole (${found.events} events read): keep a copy of the data directory, and compare it with a backup`,
    )
}
