import { suggestion } from '../foundation/nearest.ts'
import { UsageError } from './errors.ts'
import type { Mistake } from './read-words.ts'

/** The error for a mistaken command line. It suggests what may be meant, and says which help to read. */
export function mistaken({ sentence, unknown }: Mistake, called: string): UsageError {
  const instead = unknown === undefined ? '' : suggestion(unknown.word, unknown.known)
  return new UsageError(`${sentence}${instead} (see ${called} --help)`)
}
