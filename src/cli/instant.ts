import { fromTimestamp, type TimestampMessage } from '../rpc/timestamp.ts'

/** Formats milliseconds since 1970 as RFC 3339 in whole seconds. */
export function formatInstant(ms: number): string {
  if (Number.isNaN(new Date(ms).getTime())) return 'no time'
  return new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z')
}

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
