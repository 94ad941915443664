import { InvalidDurationError, parseDuration } from '../foundation/duration.ts'
import { UsageError } from './errors.ts'

/** The seconds that a flag says; a mistake names the flag. */
export function parseDurationFlag(flag: string, text: string): number {
  try {
    return parseDuration(text)
  } catch (error) {
    if (error instanceof InvalidDurationError)
      throw new UsageError(`${flag}: ${error.message}`, { cause: error })
    throw error
  }
}
