import type { KeyObject } from 'node:crypto'
import { CHAIN_START, type ChainEnd } from '../chain.ts'
import { ChainCheck, Findings, type SignedRow } from '../chain-check.ts'
import { readArchive } from './archive-file.ts'
import { type Checkpoint, readCheckpoint } from './checkpoint.ts'

export interface VerifiedArchive {
  readonly file: string
  /** Undefined when this authority did not sign it. */
  readonly checkpoint: Checkpoint | undefined
  readonly events: number
  readonly problems: readonly string[]
}

/**
 * Checks a whole archive: the hash chain, the signed heads that cover its rows, and its checkpoint.
 * @throws AuditArchiveInvalidError when it cannot be read as an archive
 */
export async function verifyArchive(
  file: string,
  signed: readonly SignedRow[],
  publicKey: KeyObject,
): Promise<VerifiedArchive> {
  const found = new Findings()
  // The checkpoint is the last line, but it says which hash the first row follows. So it is read
  // first.
  const checkpoint = await findCheckpoint(file, publicKey)
  if (checkpoint === undefined) {
    found.add('its checkpoint is not one that this authority has signed')
    return { file, checkpoint, events: 0, problems: found.problems }
  }
  const { first, last, previous, hash, problems } = checkpoint
  const own = signed.filter(({ sequence }) => sequence >= first && sequence <= last)
  const check = new ChainCheck({ sequence: first - 1, hash: previous }, own, found)
  for await (const line of readArchive(file)) if ('row' in line) check.row(line.row)
  if (check.end.sequence !== last || !check.end.hash.equals(hash))
    found.add(`it does not end with the row ${last} that its checkpoint names`)
  for (const problem of problems)
    if (!found.problems.includes(problem)) found.add(`when it was written: ${problem}`)
  return { file, checkpoint, events: check.rows, problems: found.problems }
}

export interface Coverage {
  readonly problems: readonly string[]
  /** Ranges of rows that are in none of the archives given, as `1 to 500`. */
  readonly absent: readonly string[]
}

/**
 * Checks that the archives, taken in order, cover every row from the first one to `base`, where the
 * database begins.
 */
export function coverageOf(archives: readonly VerifiedArchive[], base: ChainEnd): Coverage {
  const sorted = archives
    .flatMap(({ file, checkpoint }) => (checkpoint ? [{ file, ...checkpoint }] : []))
    .sort((a, b) => a.first - b.first || b.last - a.last)
  const problems: string[] = []
  const absent: string[] = []
  let end: ChainEnd = { sequence: 0, hash: CHAIN_START }
  for (const { file, first, last, previous, hash } of sorted) {
    if (last <= end.sequence) continue // another copy, or part of what is covered already
    if (first > end.sequence + 1) absent.push(`${end.sequence + 1} to ${first - 1}`)
    else if (first === end.sequence + 1 && !previous.equals(end.hash))
      problems.push(`${file} does not follow the archive that ends at row ${end.sequence}`)
    end = { sequence: last, hash }
  }
  if (end.sequence < base.sequence) absent.push(`${end.sequence + 1} to ${base.sequence}`)
  else if (end.sequence === base.sequence && !end.hash.equals(base.hash))
    problems.push(`the database does not follow the archive that ends at row ${end.sequence}`)
  return { problems, absent }
}

async function findCheckpoint(file: string, publicKey: KeyObject): Promise<Checkpoint | undefined> {
  let found: string | undefined
  for await (const line of readArchive(file)) if ('checkpoint' in line) found = line.checkpoint
  return found === undefined ? undefined : readCheckpoint(found, publicKey)
}
