import { systemClock } from '../../../foundation/clock.ts'
import { parseDuration } from '../../../foundation/duration.ts'
import { type TimestampMessage, toTimestamp } from '../../../rpc/timestamp.ts'
import { UsageError } from '../../errors.ts'
import { parseInstant } from '../../instant.ts'

/** Parses a duration before now, or an instant, for the authority. @throws UsageError */
export function parseSince(flag: string, text: string): TimestampMessage {
  const ms = parseInstant(text) ?? systemClock.now().getTime() - parseAgo(flag, text) * 1000
  return toTimestamp(Math.floor(ms / 1000) * 1000)
}

function parseAgo(flag: string, text: string): number {
  try {
    return parseDuration(text)
  } catch (error) {
    const wanted = 'expected a duration such as 1h, or an instant such as 2027-01-01T00:00:00Z'
    throw new UsageError(`${flag}: ${wanted}`, { cause: error })
  }
}
