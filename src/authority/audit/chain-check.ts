import { formatInstant } from '../../foundation/instant.ts'
import type { ChainedAuditRow } from '../datastore/ports.ts'
import { type ChainEnd, hashRow } from './chain.ts'
import type { AuditEventName } from './events.ts'

/** Events in which the authority itself reported damage. Later signatures do not clear them. */
const FOUND: ReadonlySet<string> = new Set<AuditEventName>([
  'audit.gap_found',
  'database.altered',
  'database.accepted',
  'database.rows_refused',
])

const MAX_PROBLEMS = 20

/** Collects one sentence per problem, up to `MAX_PROBLEMS`. */
export class Findings {
  readonly problems: string[] = []

  add(problem: string): void {
    if (this.problems.length < MAX_PROBLEMS) this.problems.push(problem)
  }
}

/** A row as a signed head states it. */
export interface SignedRow {
  readonly sequence: number
  readonly hash: Buffer
  readonly timeMs: number
}

/** Checks rows, in order, against the hash chain and the signed heads. */
export class ChainCheck {
  readonly #found: Findings
  readonly #signed = new Map<number, SignedRow[]>()
  #end: ChainEnd
  #rows = 0

  constructor(start: ChainEnd, signed: readonly SignedRow[], found: Findings) {
    this.#end = start
    this.#found = found
    for (const head of signed) {
      const known = this.#signed.get(head.sequence) ?? []
      if (!known.some(({ hash }) => hash.equals(head.hash))) this.#signed.set(head.sequence, [...known, head])
    }
    this.#compare(start)
  }

  get end(): ChainEnd {
    return this.#end
  }

  get rows(): number {
    return this.#rows
  }

  row(row: ChainedAuditRow): void {
    const { sequence, hash: previous } = this.#end
    if (row.sequence !== sequence + 1) {
      this.#found.add(`${describeRows(sequence + 1, row.sequence - 1)} missing`)
    } else if (!hashRow(previous, row).equals(row.hash)) {
      this.#found.add(`row ${row.sequence} (${row.event.slice(0, 64)}) was changed`)
    }
    if (FOUND.has(row.event))
      this.#found.add(`at row ${row.sequence} the authority found: ${problemOf(row.detail)}`)
    this.#end = { sequence: row.sequence, hash: Buffer.from(row.hash) }
    this.#compare(this.#end)
    this.#rows++
  }

  #compare({ sequence, hash }: ChainEnd): void {
    for (const head of this.#signed.get(sequence) ?? []) {
      if (head.hash.equals(hash)) continue
      this.#found.add(
        `row ${sequence} is not the one that ${signedAt(head)} covers: the rows up to it were rewritten`,
      )
    }
  }
}

export function signedAt({ timeMs }: Pick<SignedRow, 'timeMs'>): string {
  return `the head signed at ${formatInstant(timeMs)}`
}

function describeRows(first: number, last: number): string {
  return first === last ? `row ${first} is` : `rows ${first} to ${last} are`
}

function problemOf(detail: string): string {
  try {
    const { problem, count } = JSON.parse(detail) as { problem?: string; count?: number }
    return problem ?? `${count} rows of the database that it did not write`
  } catch {
    return 'something' // the row was changed, which is reported separately
  }
}
