/**
 * Formats milliseconds since 1970 as RFC 3339 in whole seconds: the one form of times in what people read.
 */
export function formatInstant(ms: number): string {
  if (Number.isNaN(new Date(ms).getTime())) return 'no time'
  return new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z')
}
