import { setImmediate } from 'node:timers/promises'
import type { Datastore } from '../datastore/datastore.ts'
import { CHAIN_START, hashRow } from './chain.ts'
import type { AuditEventName } from './events.ts'
import { type GivenHeads, NONE_GIVEN } from './given-heads.ts'
import type { AuditHead } from './head.ts'
import type { HeadsRead } from './heads-file.ts'

export interface AuditVerification {
  readonly intact: boolean
  readonly events: number
  readonly heads: number
  /** One sentence each, the first ones only. */
  readonly problems: readonly string[]
  /** Heads from elsewhere that this authority has signed. */
  readonly headsGiven: number
  /** The newest one here, as it stands in the file; undefined when there is none. */
  readonly lastHead: string | undefined
}

/** What was found by the authority itself stays a finding, whatever has been signed since. */
const FOUND: ReadonlySet<string> = new Set<AuditEventName>([
  'audit.gap_found',
  'database.altered',
  'database.accepted',
  'database.rows_refused',
])

const PAGE_ROWS = 1000
const MOST_PROBLEMS = 20

class Findings {
  readonly problems: string[] = []
  add(problem: string): void {
    if (this.problems.length < MOST_PROBLEMS) this.problems.push(problem)
  }
}

/** Compares every row with the chain and with each signed head, from wherever. Heads must have been read before the rows. */
export async function verifyAudit(
  datastore: Datastore,
  { heads: own, badLines }: HeadsRead,
  given: GivenHeads = NONE_GIVEN,
  alreadyFound: readonly string[] = [],
): Promise<AuditVerification> {
  const found = new Findings()
  const heads = [...own, ...given.heads]
  for (const problem of [...alreadyFound, ...given.problems]) found.add(problem)
  for (const line of badLines)
    found.add(`line ${line} of the heads file is not a head that this authority signed there`)
  const bySequence = new Map<number, AuditHead[]>()
  for (const head of heads) {
    const known = bySequence.get(head.sequence) ?? []
    if (!known.some(({ hash }) => hash.equals(head.hash))) bySequence.set(head.sequence, [...known, head])
  }
  let sequence = 0
  let events = 0
  let previous: Buffer = CHAIN_START
  for (;;) {
    const page = datastore.db.selectFrom('audit_events').selectAll().where('sequence', '>', sequence)
    const rows = await page.orderBy('sequence').limit(PAGE_ROWS).execute()
    for (const row of rows) {
      if (row.sequence !== sequence + 1) {
        found.add(`${describeRows(sequence + 1, row.sequence - 1)} missing`)
      } else if (!hashRow(previous, row).equals(row.hash)) {
        found.add(`row ${row.sequence} (${row.event}) was changed`)
      }
      for (const head of bySequence.get(row.sequence) ?? []) {
        if (!head.hash.equals(row.hash)) found.add(`${rewritten(head)}: the rows up to it were rewritten`)
      }
      if (FOUND.has(row.event))
        found.add(`at row ${row.sequence} the authority found: ${problemOf(row.detail)}`)
      sequence = row.sequence
      previous = Buffer.from(row.hash)
      events++
    }
    if (rows.length < PAGE_ROWS) break
    await setImmediate() // calls go on while a long log is verified
  }
  const furthest = heads.reduce<AuditHead | undefined>(
    (a, b) => (a && a.sequence > b.sequence ? a : b),
    undefined,
  )
  if (furthest && furthest.sequence > sequence) {
    found.add(
      `the log ends at row ${sequence}, but ${signedAt(furthest)} covers row ${furthest.sequence}: the tail was cut, or an older database was restored`,
    )
  }
  return {
    intact: found.problems.length === 0,
    events,
    heads: own.length,
    headsGiven: given.heads.length,
    lastHead: own.at(-1)?.line,
    problems: found.problems,
  }
}

function problemOf(detail: string): string {
  try {
    const { problem, count } = JSON.parse(detail) as { problem?: string; count?: number }
    return problem ?? `${count} rows of the database that it did not write`
  } catch {
    return 'something' // the row was changed, which is a finding of its own
  }
}

function describeRows(first: number, last: number): string {
  return first === last ? `row ${first} is` : `rows ${first} to ${last} are`
}

function rewritten(head: AuditHead): string {
  return `row ${head.sequence} is not the one that ${signedAt(head)} covers`
}

function signedAt(head: AuditHead): string {
  return `the head signed at ${new Date(head.timeMs).toISOString()}`
}
