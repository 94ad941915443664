const FIRST_BYTES = 1024
/** A larger buffer is released after the message that it had to grow for. */
const KEPT_BYTES = 64 * 1024

/** For a shorter text it is cheaper to assume the worst case than to count its bytes. */
const SHORT_TEXT = 1024

/** Writes the bytes of a message into one growing buffer, from which the finished message is copied. */
export class MessageWriter {
  #bytes = Buffer.allocUnsafeSlow(FIRST_BYTES)
  #at = 0

  finish(): Buffer {
    // Most messages are kept, or sent to many clients. A slice of a pool would keep 64 KiB around each.
    const message = Buffer.allocUnsafeSlow(this.#at)
    this.#bytes.copy(message, 0, 0, this.#at)
    this.reset()
    return message
  }

  reset(): void {
    this.#at = 0
    if (this.#bytes.length > KEPT_BYTES) this.#bytes = Buffer.allocUnsafeSlow(FIRST_BYTES)
  }

  /** Writes an unsigned 32-bit varint. */
  uint32(value: number): void {
    this.#reserve(5)
    let rest = value >>> 0
    for (; rest > 127; rest >>>= 7) this.#bytes[this.#at++] = (rest & 127) | 128
    this.#bytes[this.#at++] = rest
  }

  /** Writes a 64-bit varint; a negative number takes ten bytes, as protobuf defines it. */
  int64(value: string | number | bigint): void {
    const number = Number(value)
    if (number >= 0 && number <= 0xffff_ffff) {
      this.uint32(number)
      return
    }
    this.#reserve(10)
    let rest = BigInt.asUintN(64, BigInt(value))
    for (; rest > 127n; rest >>= 7n) this.#bytes[this.#at++] = Number(rest & 127n) | 128
    this.#bytes[this.#at++] = Number(rest)
  }

  double(value: number): void {
    this.#reserve(8)
    this.#at = this.#bytes.writeDoubleLE(value, this.#at)
  }

  /** Writes a text with its length. Lone surrogates become U+FFFD. */
  text(value: string): void {
    const most = value.length < SHORT_TEXT ? value.length * 3 : Buffer.byteLength(value)
    this.#reserve(5 + most)
    const start = this.#begin()
    this.#at += this.#bytes.write(value, this.#at, 'utf8')
    this.#end(start)
  }

  /** Writes bytes with their length. */
  bytes(value: Uint8Array): void {
    this.uint32(value.length)
    this.#reserve(value.length)
    this.#bytes.set(value, this.#at)
    this.#at += value.length
  }

  /** Runs `write` and puts the length of what it wrote in front. */
  within(write: () => void): void {
    this.#reserve(5)
    const start = this.#begin()
    write()
    this.#reserve(4)
    this.#end(start)
  }

  /** Leaves one byte for the length, which is enough in most cases. */
  #begin(): number {
    this.#at += 1
    return this.#at
  }

  /** Writes the length of what begins at `start`, and moves it when the length takes more than one byte. */
  #end(start: number): void {
    const length = this.#at - start
    if (length < 128) {
      this.#bytes[start - 1] = length
      return
    }
    const more = length < 2 ** 14 ? 1 : length < 2 ** 21 ? 2 : length < 2 ** 28 ? 3 : 4
    this.#bytes.copyWithin(start + more, start, this.#at)
    const end = this.#at + more
    this.#at = start - 1
    this.uint32(length)
    this.#at = end
  }

  #reserve(more: number): void {
    if (this.#at + more <= this.#bytes.length) return
    const larger = Buffer.allocUnsafeSlow(Math.max(this.#bytes.length * 2, this.#at + more))
    this.#bytes.copy(larger, 0, 0, this.#at)
    this.#bytes = larger
  }
}
