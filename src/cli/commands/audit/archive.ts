import path from 'node:path'
import type { ArchiveAuditResponse__Output } from '../../../rpc/gen/signet/v1/ArchiveAuditResponse.ts'
import { type Command, withJson } from '../../command.ts'
import { type AuthorityOptions, connectAuthority, withAuthority } from '../../connections.ts'
import { printJson, printLine, warn } from '../../output.ts'
import { parseSince } from './since.ts'

interface Options extends AuthorityOptions {
  readonly before: string
  readonly dir?: string
  readonly json?: boolean
}

/** Long, because the authority reads, writes and verifies every record. */
const DEADLINE_MS = 3_600_000

export function define(command: Command): void {
  withJson(withAuthority(command))
    .flag('--before <when>', 'a duration ago, such as 90d, or an instant', { isRequired: true })
    .flag(
      '--dir <directory>',
      'where the authority writes the file (default: audit-archives in its data_dir)',
    )
    .note('The file is whole, on the disk and read again before anything is taken out of the database.')
    .action(archive)
    .example(
      'signet audit archive --before 90d',
      'signet audit archive --before 2026-01-01T00:00:00Z --dir /mnt/archives',
    )
}

async function archive(options: Options): Promise<void> {
  const request = {
    before: parseSince('--before', options.before),
    directory: options.dir === undefined ? '' : path.resolve(options.dir),
  }
  using client = connectAuthority(options)
  const done = await client.unary<object, ArchiveAuditResponse__Output>(
    'signet.v1.AdminService',
    'ArchiveAudit',
    request,
    { deadlineMs: DEADLINE_MS },
  )
  const [fileBytes, first, last, events, freedBytes, reusableBytes] = [
    done.fileBytes,
    done.first,
    done.last,
    done.events,
    done.freedBytes,
    done.reusableBytes,
  ].map(Number) as [number, number, number, number, number, number]
  if (options.json)
    return printJson({ ...done, ...{ fileBytes, first, last, events, freedBytes, reusableBytes } })
  for (const problem of done.problems) warn(problem)
  printLine(`${events} events, ${first} to ${last}, are in ${done.file} now, in ${mebibytes(fileBytes)}`)
  printLine(
    done.shrinks
      ? `the database file is ${mebibytes(freedBytes)} shorter`
      : `${mebibytes(reusableBytes)} of the database file are free for new events; it can shrink after the next start of the authority`,
  )
}

function mebibytes(bytes: number): string {
  return `${(bytes / 1_048_576).toFixed(1)} MiB`
}
