import { formatInstant } from '../foundation/instant.ts'
import { fromTimestamp, type TimestampMessage } from '../rpc/timestamp.ts'

export function formatSeconds(seconds: number): string {
  return formatInstant(seconds * 1000)
}

const RFC_3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/

/**
 * Parses RFC 3339 into milliseconds since 1970. Returns undefined for anything else; `Date.parse`
 * alone is too lenient.
 */
export function parseInstant(text: string): number | undefined {
  const ms = RFC_3339.test(text) ? Date.parse(text) : Number.NaN
  return Number.isNaN(ms) ? undefined : ms
}

/** Formats a protobuf timestamp; undefined when it is absent. */
export function formatTimestamp(timestamp: TimestampMessage | null | undefined): string | undefined {
  const ms = fromTimestamp(timestamp ?? null)
  return ms === undefined ? undefined : formatInstant(ms)
}
