import { UsageError } from './errors.ts'
import type { Mistake } from './read-words.ts'

/** More changes than this are no slip of the fingers. */
const MAX_CHANGES = 2

/** The error for a mistaken command line. It suggests what may be meant, and says which help to read. */
export function mistaken({ sentence, unknown }: Mistake, called: string): UsageError {
  const instead = unknown && nearest(unknown.word, unknown.known)
  const suggestion = instead === undefined ? '' : `: did you mean ${instead}?`
  return new UsageError(`${sentence}${suggestion} (see ${called} --help)`)
}

function nearest(word: string, known: readonly string[]): string | undefined {
  const max = Math.min(MAX_CHANGES, Math.floor(word.replaceAll('-', '').length / 2))
  const near = known
    .map((each) => ({ each, changes: changesBetween(word, each) }))
    .filter(({ changes }) => changes <= max)
    .sort((a, b) => a.changes - b.changes)
  return near[0]?.each
}

/** How many letters are added, left out, replaced or swapped with the next (optimal string alignment). */
function changesBetween(from: string, to: string): number {
  let beforeLast: number[] = []
  let last = Array.from({ length: to.length + 1 }, (_, at) => at)
  for (let row = 1; row <= from.length; row++) {
    const current = [row]
    for (let column = 1; column <= to.length; column++) {
      const isSame = from[row - 1] === to[column - 1]
      const isSwapped = from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1]
      const ways = [
        (last[column] ?? 0) + 1,
        (current[column - 1] ?? 0) + 1,
        (last[column - 1] ?? 0) + (isSame ? 0 : 1),
        ...(isSwapped ? [(beforeLast[column - 2] ?? 0) + 1] : []),
      ]
      current.push(Math.min(...ways))
    }
    beforeLast = last
    last = current
  }
  return last[to.length] ?? 0
}
