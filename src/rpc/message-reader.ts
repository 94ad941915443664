const HEADER_BYTES = 5
/** A peer may send a message byte by byte: each byte held by itself would take a hundred. */
const MOST_PIECES = 256
const NOTHING = Buffer.alloc(0)

/** Takes the messages of gRPC out of the chunks in which they arrive: one each time it is asked, so that many small ones stay bytes. */
export class MessageReader {
  readonly #maxBytes: number
  /** What came first, and how far it was read. */
  #bytes: Buffer = NOTHING
  #at = 0
  /** What came since, in pieces, and how many of them were not joined yet. */
  #later: Buffer[] | undefined
  #laterBytes = 0
  #pieces = 0
  /** Of the message that was read last. */
  isCompressed = false
  /** The next message is longer than it may be; nothing is read any more. */
  isTooLong = false

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** Bytes are held of which no message was read yet. */
  get hasRest(): boolean {
    return this.#at < this.#bytes.length || this.#later !== undefined
  }

  push(chunk: Buffer): void {
    if (this.#later === undefined) {
      if (this.#at === this.#bytes.length) {
        this.#bytes = chunk
        this.#at = 0
        return
      }
      this.#later = []
    }
    this.#later.push(chunk)
    this.#laterBytes += chunk.length
    this.#pieces += 1
    if (this.#pieces >= MOST_PIECES) {
      this.#later.push(Buffer.concat(this.#later.splice(-this.#pieces)))
      this.#pieces = 0
    }
  }

  /** The next message, or undefined when it has not come yet or is too long. */
  next(): Buffer | undefined {
    if (this.isTooLong || !this.#has(HEADER_BYTES)) return undefined
    const length = this.#bytes.readUInt32BE(this.#at + 1)
    if (length > this.#maxBytes) {
      this.isTooLong = true
      return undefined
    }
    if (!this.#has(HEADER_BYTES + length)) return undefined
    this.isCompressed = this.#bytes[this.#at] === 1
    const start = this.#at + HEADER_BYTES
    const message = this.#bytes.subarray(start, start + length)
    this.#at = start + length
    if (this.#at === this.#bytes.length) {
      this.#bytes = NOTHING // a stream may live for long, and what it was asked need not
      this.#at = 0
    }
    return message
  }

  /** Whether so many bytes are there; if so, they are joined. */
  #has(wanted: number): boolean {
    const here = this.#bytes.length - this.#at
    if (here >= wanted) return true
    if (this.#later === undefined || here + this.#laterBytes < wanted) return false
    this.#bytes = Buffer.concat([this.#bytes.subarray(this.#at), ...this.#later])
    this.#at = 0
    this.#later = undefined
    this.#laterBytes = 0
    this.#pieces = 0
    return true
  }
}
