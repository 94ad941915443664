import { storedAuditRows } from '../datastore/audit-rows.ts'
import type { Datastore } from '../datastore/ports.ts'
import { type Checkpoint, endOf } from './archive/checkpoint.ts'
import { ChainCheck, Findings, type SignedRow, signedAt } from './chain-check.ts'
import { type GivenHeads, NONE_GIVEN } from './given-heads.ts'
import type { AuditHead } from './head.ts'
import type { HeadsRead } from './heads-file.ts'

export interface AuditVerification {
  readonly intact: boolean
  readonly events: number
  readonly heads: number
  /** One sentence per problem; only the first ones. */
  readonly problems: readonly string[]
  /** How many of the heads kept elsewhere this authority signed. */
  readonly headsGiven: number
  /** The newest head in the heads file, as its line; undefined when there is none. */
  readonly lastHead: string | undefined
  /** Heads that cover archived rows: they can be compared only with the archives. */
  readonly signedInArchives: readonly SignedRow[]
}

interface ToVerify {
  readonly heads: HeadsRead
  readonly given?: GivenHeads
  /** The checkpoint of the newest archive: the database begins after it. */
  readonly checkpoint?: Checkpoint | undefined
  /** Problems known before anything is read. */
  readonly known?: readonly string[]
}

/**
 * Checks every row against the hash chain and all heads. The heads must be read before the rows, so
 * that none covers a row that is not read yet.
 */
export async function verifyAudit(
  datastore: Datastore,
  { heads: { heads: own, badLines }, given = NONE_GIVEN, checkpoint, known = [] }: ToVerify,
): Promise<AuditVerification> {
  const found = new Findings()
  for (const problem of [...known, ...given.problems]) found.add(problem)
  for (const line of badLines)
    found.add(`line ${line} of the heads file is not a head that this authority signed there`)
  for (const problem of checkpoint?.problems ?? [])
    found.add(`when rows ${checkpoint?.first} to ${checkpoint?.last} were archived: ${problem}`)
  const base = endOf(checkpoint)
  const heads = [...own, ...given.heads]
  const check = new ChainCheck(base, heads, found)
  const rows = storedAuditRows(datastore, { after: base.sequence, upTo: Number.MAX_SAFE_INTEGER })
  for await (const page of rows) for (const row of page) check.row(row)
  const furthest = heads.reduce<AuditHead | undefined>(
    (a, b) => (a && a.sequence > b.sequence ? a : b),
    undefined,
  )
  if (furthest && furthest.sequence > check.end.sequence) {
    found.add(
      `the log ends at row ${check.end.sequence}, but ${signedAt(furthest)} covers row ${furthest.sequence}: the tail was cut, or an older database was restored`,
    )
  }
  return {
    intact: found.problems.length === 0,
    events: check.rows,
    heads: own.length,
    headsGiven: given.heads.length,
    lastHead: own.at(-1)?.line,
    problems: found.problems,
    signedInArchives: heads.filter(({ sequence }) => sequence > 0 && sequence <= base.sequence),
  }
}
