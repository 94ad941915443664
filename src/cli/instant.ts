import { fromTimestamp, type TimestampMessage } from '../rpc/timestamp.ts'

/** RFC 3339 in whole seconds, as people read it. */
export function formatInstant(ms: number): string {
  if (Number.isNaN(new Date(ms).getTime())) return 'no time'
  return new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z')
}

export function formatSeconds(seconds: number): string {
  return formatInstant(seconds * 1000)
}

const RFC_3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/

/** RFC 3339 → milliseconds; undefined for anything else, of which `Date.parse` would take a lot. */
export function parseInstant(text: string): number | undefined {
  const ms = RFC_3339.test(text) ? Date.parse(text) : Number.NaN
  return Number.isNaN(ms) ? undefined : ms
}

/** Of a timestamp on the wire; absent stays absent. */
export function formatTimestamp(timestamp: TimestampMessage | null | undefined): string | undefined {
  const ms = fromTimestamp(timestamp ?? null)
  return ms === undefined ? undefined : formatInstant(ms)
}
