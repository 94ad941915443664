import { isUtf8 } from 'node:buffer'
import { MalformedMessageError } from '../errors.ts'
import { WIRE } from './wire.ts'

const MAX_GROUP_DEPTH = 100
/** For a shorter text, checking for ASCII here is faster than a call of `isUtf8`. */
const SHORT_TEXT = 64

/**
 * Reads protobuf's wire format from a buffer, value by value, up to `end`. @throws
 * MalformedMessageError
 */
export class WireReader {
  readonly #bytes: Buffer
  #at = 0
  #end: number
  #numbersLeft: number

  constructor(bytes: Buffer, maxNumbers = Number.POSITIVE_INFINITY) {
    this.#bytes = bytes
    this.#numbersLeft = maxNumbers
    this.#end = bytes.length
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#end
  }

  /** Reads a length, and runs `read` with the bytes limited to that length. */
  within<T>(read: () => T): T {
    const length = this.size()
    const outer = this.#end
    if (length > outer - this.#at) throw cutOff()
    this.#end = this.#at + length
    const result = read()
    this.#end = outer
    return result
  }

  /** Reads a varint and returns its low 32 bits. */
  uint32(): number {
    this.#count()
    let value = 0
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = this.#byte()
      if (shift < 32) value |= (byte & 127) << shift
      if (byte < 128) return value >>> 0
    }
    throw new MalformedMessageError('a number is too long')
  }

  /** Reads a tag or a length. A value beyond 32 bits is an error; it is not truncated. */
  size(): number {
    this.#count()
    let value = 0
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = this.#byte()
      value |= (byte & 127) << shift
      if (byte < 128) return value
    }
    for (let factor = 2 ** 28; factor < 2 ** 70; factor *= 128) {
      const byte = this.#byte()
      value += (byte & 127) * factor
      if (value > 0xffff_ffff) break
      if (byte < 128) return value
    }
    throw new MalformedMessageError('a tag or a length is too large')
  }

  int32(): number {
    return this.uint32() | 0
  }

  uint64(): bigint | number {
    this.#count()
    let low = 0
    let shift = 0
    for (; shift < 28; shift += 7) {
      const byte = this.#byte()
      low |= (byte & 127) << shift
      if (byte < 128) return low
    }
    let value = BigInt(low)
    for (; shift < 70; shift += 7) {
      const byte = this.#byte()
      value |= BigInt(byte & 127) << BigInt(shift)
      if (byte < 128) return BigInt.asUintN(64, value)
    }
    throw new MalformedMessageError('a number is too long')
  }

  int64(): bigint | number {
    const value = this.uint64()
    return typeof value === 'number' ? value : BigInt.asIntN(64, value)
  }

  bool(): boolean {
    return Number(this.uint64()) !== 0
  }

  double(): number {
    this.#skip(8)
    return this.#bytes.readDoubleLE(this.#at - 8)
  }

  /** Reads bytes. They share memory with the input. */
  bytes(): Buffer {
    const length = this.size()
    this.#skip(length)
    return this.#bytes.subarray(this.#at - length, this.#at)
  }

  text(): string {
    const length = this.size()
    const start = this.#at
    this.#skip(length)
    if (!this.#isShortAscii(start, length) && !isUtf8(this.#bytes.subarray(start, this.#at))) {
      throw new MalformedMessageError('a text is not UTF-8')
    }
    return this.#bytes.toString('utf8', start, this.#at)
  }

  /** Skips an unknown field. */
  skipField(tag: number, depth = 0): void {
    if (tag >>> 3 === 0 || depth > MAX_GROUP_DEPTH)
      throw new MalformedMessageError('a field that cannot be read')
    switch (tag & 7) {
      case WIRE.VARINT:
        this.uint64()
        return
      case WIRE.BITS64:
        this.#skip(8)
        return
      case WIRE.BYTES:
        this.#skip(this.size())
        return
      case WIRE.BITS32:
        this.#skip(4)
        return
      case WIRE.START_GROUP:
        this.#skipGroup(tag, depth)
        return
      default:
        throw new MalformedMessageError('a field that cannot be read')
    }
  }

  #skipGroup(start: number, depth: number): void {
    const end = start - WIRE.START_GROUP + WIRE.END_GROUP
    for (;;) {
      const tag = this.size()
      if (tag === end) return
      this.skipField(tag, depth + 1)
    }
  }

  #isShortAscii(start: number, length: number): boolean {
    if (length > SHORT_TEXT) return false
    for (let at = start; at < start + length; at++) if ((this.#bytes[at] ?? 0) > 127) return false
    return true
  }

  #count(): void {
    this.#numbersLeft -= 1
    if (this.#numbersLeft < 0) throw new MalformedMessageError('a message has too many fields')
  }

  #byte(): number {
    if (this.#at >= this.#end) throw cutOff()
    return this.#bytes[this.#at++] ?? 0
  }

  #skip(length: number): void {
    if (length > this.#end - this.#at) throw cutOff()
    this.#at += length
  }
}

function cutOff(): MalformedMessageError {
  return new MalformedMessageError('a message is cut off')
}
