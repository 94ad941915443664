/** google.protobuf.Timestamp, converted from and to milliseconds since 1970. */
export interface TimestampMessage {
  readonly seconds: string
  readonly nanos: number
}

export function toTimestamp(ms: number): TimestampMessage {
  const seconds = Math.floor(ms / 1000)
  return { seconds: String(seconds), nanos: Math.round((ms - seconds * 1000) * 1e6) }
}

export function fromTimestamp(timestamp: TimestampMessage | null): number | undefined {
  return timestamp === null ? undefined : Number(timestamp.seconds) * 1000 + Math.floor(timestamp.nanos / 1e6)
}
