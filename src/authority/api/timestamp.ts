/** A point in time as protobuf's Timestamp wants it. */
export function toTimestamp(ms: number): { seconds: string; nanos: number } {
  const seconds = Math.floor(ms / 1000)
  return { seconds: String(seconds), nanos: Math.round((ms - seconds * 1000) * 1e6) }
}

/** Milliseconds since 1970, or undefined when the field is not set. */
export function fromTimestamp(
  timestamp: { readonly seconds: string; readonly nanos: number } | null,
): number | undefined {
  return timestamp === null ? undefined : Number(timestamp.seconds) * 1000 + Math.floor(timestamp.nanos / 1e6)
}
