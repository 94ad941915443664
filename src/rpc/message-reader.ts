const HEADER_BYTES = 5
/** A peer may send a message byte by byte: each byte held by itself would take a hundred. */
const MOST_PIECES = 256

/** Takes the messages of gRPC out of the chunks in which they arrive. */
export class MessageReader {
  readonly #maxBytes: number
  #rest: Buffer[] | undefined
  #restBytes = 0
  /** How many of the rest were not joined yet. */
  #pieces = 0
  /** Of the message that is coming in, with its header; 0 while that is not known. */
  #wantedBytes = 0

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** Hands on each complete message; false when one is longer than it may be. */
  read(chunk: Buffer, onMessage: (message: Buffer, compressed: boolean) => void): boolean {
    let bytes = chunk
    if (this.#rest !== undefined) {
      this.#rest.push(chunk)
      this.#restBytes += chunk.length
      this.#pieces += 1
      if (this.#restBytes < Math.max(HEADER_BYTES, this.#wantedBytes)) {
        if (this.#pieces >= MOST_PIECES) {
          this.#rest.push(Buffer.concat(this.#rest.splice(-this.#pieces)))
          this.#pieces = 0
        }
        return true
      }
      bytes = Buffer.concat(this.#rest)
    }
    let at = 0
    this.#wantedBytes = 0
    while (bytes.length - at >= HEADER_BYTES) {
      const length = bytes.readUInt32BE(at + 1)
      if (length > this.#maxBytes) return false
      const end = at + HEADER_BYTES + length
      if (end > bytes.length) {
        this.#wantedBytes = end - at
        break
      }
      onMessage(bytes.subarray(at + HEADER_BYTES, end), bytes[at] === 1)
      at = end
    }
    this.#rest = at === bytes.length ? undefined : [bytes.subarray(at)]
    this.#restBytes = bytes.length - at
    this.#pieces = 0
    return true
  }
}
