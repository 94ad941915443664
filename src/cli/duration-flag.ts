import { InvalidDurationError, parseDuration } from '../foundation/duration.ts'
import { UsageError } from './errors.ts'

/** Parses a duration flag into seconds. The error names the flag. @throws UsageError */
export function parseDurationFlag(flag: string, text: string): number {
  try {
    return parseDuration(text)
  } catch (error) {
    if (error instanceof InvalidDurationError)
      throw new UsageError(`${flag}: ${error.message}`, { cause: error })
    throw error
  }
}
