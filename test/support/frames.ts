/** Hand-written HTTP/2 (RFC 9113, RFC 7541), for bytes that no client library would send. */

export const TYPE = {
  data: 0,
  headers: 1,
  priority: 2,
  reset: 3,
  settings: 4,
  push: 5,
  ping: 6,
  goaway: 7,
  window: 8,
  continuation: 9,
} as const
export const END_STREAM = 1
export const END_HEADERS = 4

export function frame(
  type: number,
  flags: number,
  stream: number,
  payload: Buffer = Buffer.alloc(0),
): Buffer {
  const head = Buffer.alloc(9)
  head.writeUIntBE(payload.length, 0, 3)
  head.writeUInt8(type, 3)
  head.writeUInt8(flags, 4)
  head.writeUInt32BE(stream, 5)
  return Buffer.concat([head, payload])
}

export const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')
export const GREETING = Buffer.concat([PREFACE, frame(TYPE.settings, 0, 0)])

export function words(...values: number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length)
  for (const [n, value] of values.entries()) bytes.writeUInt32BE(value, 4 * n)
  return bytes
}

export function settings(...pairs: (readonly [id: number, value: number])[]): Buffer {
  const bytes = Buffer.alloc(6 * pairs.length)
  for (const [n, [id, value]] of pairs.entries()) {
    bytes.writeUInt16BE(id, 6 * n)
    bytes.writeUInt32BE(value, 6 * n + 2)
  }
  return bytes
}

/** A literal header field. `kept` adds it to the dynamic table of the connection. */
export function field(name: string, value: string, kept = false): Buffer {
  return Buffer.concat([Buffer.of(kept ? 0x40 : 0), text(name), text(value)])
}

function text(value: string): Buffer {
  return Buffer.concat([length(Buffer.byteLength(value)), Buffer.from(value)])
}

/** Encodes an integer with a prefix of seven bits (RFC 7541 §5.1). */
function length(value: number): Buffer {
  if (value < 127) return Buffer.of(value)
  const bytes = [127]
  let rest = value - 127
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128)
  return Buffer.of(...bytes, rest)
}

/** The headers of a gRPC call. */
export function callHeaders(path: string, ...more: readonly Buffer[]): Buffer {
  return callHeadersTo([field(':authority', 'a')], path, ...more)
}

/** The same headers with another `:authority`, or none. */
export function callHeadersTo(
  authority: readonly Buffer[],
  path: string,
  ...more: readonly Buffer[]
): Buffer {
  return Buffer.concat([
    Buffer.of(0x83, 0x86),
    field(':path', path),
    ...authority,
    field('content-type', 'application/grpc'),
    field('te', 'trailers'),
    field('workload.spiffe.io', 'true'),
    ...more,
  ])
}

/** An uncompressed, length-prefixed gRPC message. */
export function message(bytes: Buffer = Buffer.alloc(0)): Buffer {
  return Buffer.concat([Buffer.of(0), words(bytes.length), bytes])
}
