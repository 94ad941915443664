const HEADER_BYTES = 5
const NOTHING = Buffer.alloc(0)

/**
 * Extracts gRPC messages from chunks of bytes, one at each call of `next`. Many small messages thus
 * stay one buffer.
 */
export class MessageReader {
  readonly #maxBytes: number
  /** The unread bytes are here, from `#at` to `#end`. */
  #bytes: Buffer = NOTHING
  #at = 0
  #end = 0
  /** `#bytes` is a received chunk: a view of a possibly much larger buffer, and not ours to write into. */
  #isChunk = false
  /** Whether the last message was compressed. */
  isCompressed = false
  /** The next message exceeds the limit. Nothing more is read. */
  isTooLong = false
  /** The bytes are not gRPC framing. Nothing more is read. */
  isMalformed = false

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** Some bytes are not yet read as a message. */
  get hasRest(): boolean {
    return this.#at < this.#end
  }

  /** The size of the buffer, once the bytes are {@link own}. */
  get heldBytes(): number {
    return this.#bytes.length
  }

  push(chunk: Buffer): void {
    if (!this.hasRest) {
      this.#bytes = chunk
      this.#at = 0
      this.#end = chunk.length
      this.#isChunk = true
      return
    }
    if (this.#isChunk || this.#end + chunk.length > this.#bytes.length) this.#makeRoomFor(chunk.length)
    this.#end += chunk.copy(this.#bytes, this.#end)
  }

  /**
   * Copies the rest into memory of its own, because it must wait. A chunk is a view of everything
   * that was read from the connection at the time, and would keep 64 KiB for the sake of a byte.
   */
  own(): void {
    if (this.#isChunk && this.hasRest) this.#makeRoomFor(0)
  }

  /** Returns the next message, or undefined when it is incomplete or can never be read. */
  next(): Buffer | undefined {
    const here = this.#end - this.#at
    if (here < HEADER_BYTES || this.isTooLong || this.isMalformed) return undefined
    const flags = this.#bytes[this.#at] ?? 0
    const length = this.#bytes.readUInt32BE(this.#at + 1)
    this.isMalformed = flags > 1
    this.isTooLong = length > this.#maxBytes
    if (this.isMalformed || this.isTooLong || here < HEADER_BYTES + length) return undefined
    this.isCompressed = flags === 1
    const start = this.#at + HEADER_BYTES
    const message = this.#bytes.subarray(start, start + length)
    this.#at = start + length
    if (!this.hasRest) this.clear() // do not keep the bytes of an answered request for the life of a stream
    return message
  }

  /** Releases the buffer. */
  clear(): void {
    this.#bytes = NOTHING
    this.#at = 0
    this.#end = 0
    this.#isChunk = false
  }

  /**
   * Never moves bytes in place, because returned messages may still be in use. Grows with the bytes
   * that have arrived, whatever length the message announces.
   */
  #makeRoomFor(more: number): void {
    const rest = this.#bytes.subarray(this.#at, this.#end)
    const needed = rest.length + more
    const whole = rest.length < HEADER_BYTES ? 0 : HEADER_BYTES + rest.readUInt32BE(1)
    this.#bytes = Buffer.allocUnsafeSlow(Math.max(needed, Math.min(whole, 2 * needed)))
    this.#at = 0
    this.#end = rest.copy(this.#bytes)
    this.#isChunk = false
  }
}
