/** What the authority takes of one detail; see its report API. */
const LONGEST = 8_000

/** JSON of a detail that fits a report: long lists are cut, and say so. */
export function shorten(detail: object): string {
  for (const keep of [Number.POSITIVE_INFINITY, 32, 8, 2]) {
    const json = JSON.stringify(detail, (_key, value: unknown) => cut(value, keep))
    if (json.length <= LONGEST) return json
  }
  return JSON.stringify({ omitted: 'too long' })
}

function cut(value: unknown, keep: number): unknown {
  if (!Array.isArray(value) || value.length <= keep) return value
  return [...value.slice(0, keep), `… ${value.length - keep} more`]
}
