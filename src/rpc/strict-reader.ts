import { isUtf8 } from 'node:buffer'
import protobuf from 'protobufjs/light.js'
import { CodedError } from '../foundation/errors.ts'

/** The bytes are not such a message. */
export class MalformedMessageError extends CodedError {
  override readonly name = 'MalformedMessageError'
  readonly code = 'ERR_RPC_MESSAGE_MALFORMED'
  readonly kind = 'invalid_argument'
}

/** Shorter texts are looked at byte by byte: that is sooner done than a call of Node. */
const SHORT = 64

/**
 * protobufjs' reader, but for two things that it lets pass: text that is not UTF-8, which proto3 forbids, and text that ends after the message
 * does. It can also be told how many numbers (tags, lengths, values) a message may have: an empty element of a list is two bytes and becomes a hundred.
 */
export class StrictReader extends protobuf.BufferReader {
  #numbersLeft: number

  constructor(bytes: Buffer, mostNumbers = Number.POSITIVE_INFINITY) {
    super(bytes)
    this.#numbersLeft = mostNumbers
  }

  override uint32(): number {
    this.#numbersLeft -= 1
    if (this.#numbersLeft < 0) throw new MalformedMessageError('a message with too many fields')
    return super.uint32()
  }

  override string(): string {
    const length = this.uint32()
    const bytes = this.buf as Buffer
    const start = this.pos
    const end = start + length
    if (end > this.len) throw new MalformedMessageError('a text that ends after its message')
    this.pos = end
    if (length <= SHORT && isAscii(bytes, start, end)) return bytes.toString('latin1', start, end)
    if (!isUtf8(bytes.subarray(start, end))) throw new MalformedMessageError('a text that is not UTF-8')
    return bytes.toString('utf8', start, end)
  }
}

function isAscii(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end; at++) if ((bytes[at] ?? 0) > 127) return false
  return true
}
