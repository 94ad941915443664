import { type Checkpoint, endOf, readCheckpoint } from '../../../authority/audit/archive/checkpoint.ts'
import {
  type Coverage,
  coverageOf,
  type VerifiedArchive,
  verifyArchive,
} from '../../../authority/audit/archive/verify-archive.ts'
import { importEd25519 } from '../../../crypto/keys.ts'
import type { VerifyAuditResponse__Output } from '../../../rpc/gen/signet/v1/VerifyAuditResponse.ts'
import { type Command, withJson } from '../../command.ts'
import { type AuthorityOptions, connectAuthority, withAuthority } from '../../connections.ts'
import { UsageError } from '../../errors.ts'
import { ExitCode } from '../../exit-codes.ts'
import { print, printJson, warn } from '../../output.ts'
import { findArchives, withArchives } from './archives.ts'
import { readHeads } from './heads.ts'

type Options = AuthorityOptions & {
  readonly json?: boolean
  readonly heads?: string
  readonly archive: readonly string[]
}

/** Long, because the authority reads every record. */
const DEADLINE_MS = 600_000

export function define(command: Command): void {
  withArchives(withJson(withAuthority(command)), 'verify this archive as well, and that the log follows it')
    .flag(
      '--heads <file>',
      'compare with signed heads that were kept elsewhere: any text with JSON lines of audit.head; - is standard input',
    )
    .note('Ends with 0 when the log is intact, 1 when it is not.')
    .action(verify)
    .example(
      'signet audit verify',
      'signet audit verify --archive /var/lib/signet/audit-archives',
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
  const archived = await verifyArchives(found, await findArchives(options.archive))
  const problems = [...found.problems, ...archived.problems]
  if (problems.length > 0) process.exitCode = ExitCode.NO
  if (options.json) {
    const { intact: _, events, heads: signed, headsGiven, lastHead, checkpoint, ...rest } = found
    const { headPublicKey: _key, signedInArchives: _signed, ...others } = rest
    const last = lastHead ? { lastHead: JSON.parse(lastHead) as object } : {}
    const counts = { events: Number(events), heads: Number(signed), headsGiven: Number(headsGiven) }
    const through = checkpoint ? { archivedThrough: endOf(checkpointOf(found)).sequence } : {}
    const archives = { archivedEvents: archived.events, notGiven: archived.absent, ...through }
    return printJson({ ...others, intact: problems.length === 0, problems, ...counts, ...last, ...archives })
  }
  for (const problem of problems) warn(problem)
  const given = options.heads === undefined ? '' : `, ${found.headsGiven} from ${options.heads}`
  const inArchives = options.archive.length === 0 ? '' : `, ${archived.events} events in archives`
  if (problems.length > 0) {
    warn(
      `signet: the audit log is not intact (${found.events} events read): keep a copy of the data directory, and compare it with a backup`,
    )
    return
  }
  print(`the audit log is intact: ${found.events} events, ${found.heads} signed heads${given}${inArchives}`)
  for (const rows of archived.absent)
    print(`events ${rows} are in archives that were not read: give them with --archive`)
}

/** Verifies archives with the key and the signed heads that the authority returned. */
async function verifyArchives(
  found: VerifyAuditResponse__Output,
  files: readonly string[],
): Promise<Coverage & { readonly events: number }> {
  if (files.length === 0 && found.checkpoint === '') return { problems: [], absent: [], events: 0 }
  const signed = found.signedInArchives.map(({ sequence, hash, timeMs }) => ({
    ...{ hash, sequence: Number(sequence), timeMs: Number(timeMs) },
  }))
  const publicKey = importEd25519(found.headPublicKey)
  const archives: VerifiedArchive[] = []
  for (const file of files) archives.push(await verifyArchive(file, signed, publicKey))
  const { problems, absent } = coverageOf(archives, endOf(checkpointOf(found)))
  const own = archives.flatMap(({ file, problems: each }) => each.map((problem) => `${file}: ${problem}`))
  return {
    problems: [...own, ...problems],
    absent,
    events: archives.reduce((sum, { events }) => sum + events, 0),
  }
}

function checkpointOf({ checkpoint, headPublicKey }: VerifyAuditResponse__Output): Checkpoint | undefined {
  return readCheckpoint(checkpoint, importEd25519(headPublicKey))
}
