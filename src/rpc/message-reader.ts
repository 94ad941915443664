const HEADER_BYTES = 5
const NOTHING = Buffer.alloc(0)

/** Takes the messages of gRPC out of the chunks in which they arrive: one each time it is asked, so that many small ones stay bytes. */
export class MessageReader {
  readonly #maxBytes: number
  /** What was not read yet lies here, from `#at` to `#end`. */
  #bytes: Buffer = NOTHING
  #at = 0
  #end = 0
  /** `#bytes` is a chunk as it came: a part of memory that may be much larger, and is not ours to write into. */
  #isChunk = false
  /** Of the message that was read last. */
  isCompressed = false
  /** The next message is longer than it may be; nothing is read any more. */
  isTooLong = false
  /** What comes is not framed as gRPC frames it; nothing is read any more. */
  isMalformed = false

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** Bytes are held of which no message was read yet. */
  get hasRest(): boolean {
    return this.#at < this.#end
  }

  /** The memory that this takes, once it is {@link own}. */
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
   * For what has to be waited for: it moves to memory of its own. A chunk is a view of all that was read from the connection at once, and
   * would keep 64 KiB for the sake of a byte.
   */
  own(): void {
    if (this.#isChunk && this.hasRest) this.#makeRoomFor(0)
  }

  /** The next message, or undefined when it has not come yet or can never be read. */
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
    if (!this.hasRest) this.clear() // a stream may live for long, and what it was asked need not
    return message
  }

  /** Lets go of all that it holds. */
  clear(): void {
    this.#bytes = NOTHING
    this.#at = 0
    this.#end = 0
    this.#isChunk = false
  }

  /** Never in place: messages that were read may still be in use. Grows as a message does, whatever length it has announced. */
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
