import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { readReason } from '../../../foundation/file-reason.ts'
import { UnreadableFileError } from '../../errors.ts'

/** Each head covers all records before it, so the newest heads are enough. */
const MAX_HEADS = 50_000
/** Maximum nesting: a journal wraps log lines, and a container's log may wrap the journal. */
const MAX_DEPTH = 4
/** The members of a head. A log adds others. */
const MEMBERS = ['v', 'counter', 'sequence', 'hash', 'commits', 'time_ms', 'previous', 'key_id', 'signature']

type Json = Readonly<Record<string, unknown>>

/**
 * Finds signed heads in any text: `audit-heads.jsonl`, a log or an exported journal, with anything
 * in between.
 */
export async function readHeads(file: string): Promise<string[]> {
  let heads: Json[] = []
  const input = file === '-' ? process.stdin : createReadStream(file)
  // An iterator of lines does not report errors of its input.
  const failed = new Promise<never>((_, reject) => input.once('error', reject))
  failed.catch(() => undefined)
  const lines = createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })[Symbol.asyncIterator]()
  try {
    for (;;) {
      const { done, value } = await Promise.race([lines.next(), failed])
      if (done) break
      heads.push(...findHeads(value))
      if (heads.length > 2 * MAX_HEADS) heads = newest(heads)
    }
  } catch (error) {
    throw new UnreadableFileError(`cannot read ${file}: ${readReason(error)}`, { cause: error })
  }
  return newest(heads).map((head) => JSON.stringify(head))
}

function newest(heads: readonly Json[]): Json[] {
  const number = (value: unknown): number => (typeof value === 'number' ? value : 0)
  return heads
    .toSorted(
      (a, b) => number(a['counter']) - number(b['counter']) || number(a['sequence']) - number(b['sequence']),
    )
    .slice(-MAX_HEADS)
}

export function findHeads(text: string, depth = 0): Json[] {
  if (depth > MAX_DEPTH || !text.includes('signature')) return []
  const value = parseWithin(text)
  if (value === undefined) return []
  if (isHead(value))
    return [Object.fromEntries(MEMBERS.flatMap((name) => (name in value ? [[name, value[name]]] : [])))]
  return Object.values(value).flatMap((member) => {
    if (typeof member === 'string') return findHeads(member, depth + 1)
    return typeof member === 'object' && member !== null ? findHeads(JSON.stringify(member), depth + 1) : []
  })
}

/** Parses the JSON object in a line. A time or a name may precede it. */
function parseWithin(text: string): Json | undefined {
  const end = text.lastIndexOf('}') + 1
  for (let start = text.indexOf('{'); start >= 0 && start < end; start = text.indexOf('{', start + 1)) {
    try {
      return JSON.parse(text.slice(start, end)) as Json
    } catch {
      // a brace in the text before the object; try the next one
    }
  }
  return undefined
}

function isHead(value: Json): boolean {
  const { sequence, hash, previous, signature } = value
  return (
    typeof sequence === 'number' &&
    typeof hash === 'string' &&
    typeof previous === 'string' &&
    typeof signature === 'string'
  )
}
