/** HTTP/2 frames (RFC 9113 §4 and §6), as far as a client with a single call needs them. */

export const FRAME = {
  DATA: 0,
  HEADERS: 1,
  RST_STREAM: 3,
  SETTINGS: 4,
  PUSH_PROMISE: 5,
  PING: 6,
  GOAWAY: 7,
  WINDOW_UPDATE: 8,
  CONTINUATION: 9,
} as const

export const FLAG = { ACK: 0x1, END_STREAM: 0x1, END_HEADERS: 0x4, PADDED: 0x8, PRIORITY: 0x20 } as const

export const SETTING = { ENABLE_PUSH: 2, INITIAL_WINDOW_SIZE: 4 } as const

export const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')

/** The defaults of HTTP/2, which this client never changes for the server's side. */
export const MAX_FRAME_BYTES = 16_384
export const FIRST_WINDOW_BYTES = 65_535

export const FRAME_HEADER_BYTES = 9
const NOTHING = Buffer.alloc(0)

export interface Frame {
  readonly type: number
  readonly flags: number
  readonly streamId: number
  readonly payload: Buffer
}

export function frame(type: number, flags: number, streamId: number, payload: Buffer = NOTHING): Buffer {
  const bytes = Buffer.allocUnsafe(FRAME_HEADER_BYTES + payload.length)
  bytes.writeUIntBE(payload.length, 0, 3)
  bytes[3] = type
  bytes[4] = flags
  bytes.writeUInt32BE(streamId, 5)
  payload.copy(bytes, FRAME_HEADER_BYTES)
  return bytes
}

export function settings(values: readonly (readonly [number, number])[]): Buffer {
  const payload = Buffer.alloc(values.length * 6)
  for (const [n, [id, value]] of values.entries()) {
    payload.writeUInt16BE(id, n * 6)
    payload.writeUInt32BE(value, n * 6 + 2)
  }
  return frame(FRAME.SETTINGS, 0, 0, payload)
}

/** Returns the value of one setting in a SETTINGS frame, if it is there. */
export function readSetting(payload: Buffer, wanted: number): number | undefined {
  let value: number | undefined
  for (let at = 0; at + 6 <= payload.length; at += 6) {
    if (payload.readUInt16BE(at) === wanted) value = payload.readUInt32BE(at + 2)
  }
  return value
}

export function windowUpdate(streamId: number, bytes: number): Buffer {
  const payload = Buffer.alloc(4)
  payload.writeUInt32BE(bytes)
  return frame(FRAME.WINDOW_UPDATE, 0, streamId, payload)
}

/** Returns the payload without padding and priority; undefined when it is shorter than these. */
export function contentOf({ type, flags, payload }: Frame): Buffer | undefined {
  const isPadded = (flags & FLAG.PADDED) !== 0
  const hasPriority = type === FRAME.HEADERS && (flags & FLAG.PRIORITY) !== 0
  const start = (isPadded ? 1 : 0) + (hasPriority ? 5 : 0)
  const end = payload.length - (isPadded ? (payload[0] ?? 0) : 0)
  return start <= end ? payload.subarray(start, end) : undefined
}

/** Extracts frames from chunks of bytes. */
export class FrameReader {
  #bytes: Buffer = NOTHING
  /** A frame exceeds the limit. Nothing more is read. */
  isTooLong = false

  push(chunk: Buffer): void {
    this.#bytes = this.#bytes.length === 0 ? chunk : Buffer.concat([this.#bytes, chunk])
  }

  /** Returns the next frame, or undefined when it is incomplete or too long. */
  next(): Frame | undefined {
    const bytes = this.#bytes
    if (this.isTooLong || bytes.length < FRAME_HEADER_BYTES) return undefined
    const length = bytes.readUIntBE(0, 3)
    if (length > MAX_FRAME_BYTES) {
      this.isTooLong = true
      return undefined
    }
    const end = FRAME_HEADER_BYTES + length
    if (bytes.length < end) return undefined
    this.#bytes = bytes.subarray(end)
    return {
      type: bytes[3] ?? 0,
      flags: bytes[4] ?? 0,
      streamId: bytes.readUInt32BE(5) & 0x7fff_ffff,
      payload: bytes.subarray(FRAME_HEADER_BYTES, end),
    }
  }
}
