import { CodedError } from '../foundation/errors.ts'

/** The bytes are not the expected DER. */
export class InvalidDerError extends CodedError {
  override readonly name = 'InvalidDerError'
  readonly code = 'ERR_CRYPTO_DER_INVALID'
  readonly kind = 'invalid_argument'
}

/** Identifier octets (X.690 §8.1.2) of the types in certificates. */
export const Tag = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  oid: 0x06,
  utf8String: 0x0c,
  numericString: 0x12,
  printableString: 0x13,
  teletexString: 0x14,
  ia5String: 0x16,
  utcTime: 0x17,
  generalizedTime: 0x18,
  visibleString: 0x1a,
  bmpString: 0x1e,
  sequence: 0x30,
  set: 0x31,
} as const

/** `[number]`, primitive. */
export const context = (number: number): number => 0x80 | number
/** `[number]`, constructed. */
export const contextConstructed = (number: number): number => 0xa0 | number

export interface DerElement {
  readonly tag: number
  readonly content: Buffer
  /** Identifier, length and content. */
  readonly whole: Buffer
}

/**
 * Reads one level of DER strictly: minimal definite lengths, and no element beyond the end.
 * Returned buffers are views, not copies.
 */
export class DerReader {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  get hasMore(): boolean {
    return this.#at < this.#bytes.length
  }

  /** The identifier octet of the next element, or undefined at the end. */
  get nextTag(): number | undefined {
    return this.#bytes[this.#at]
  }

  readAny(): DerElement {
    const start = this.#at
    const tag = this.#octet()
    if ((tag & 0x1f) === 0x1f) throw new InvalidDerError('a tag number above 30')
    const length = this.#length()
    const end = this.#at + length
    if (end > this.#bytes.length) throw new InvalidDerError('an element longer than what holds it')
    const content = this.#bytes.subarray(this.#at, end)
    this.#at = end
    return { tag, content, whole: this.#bytes.subarray(start, end) }
  }

  read(tag: number): DerElement {
    const element = this.readAny()
    if (element.tag !== tag) {
      throw new InvalidDerError(`tag 0x${element.tag.toString(16)} where 0x${tag.toString(16)} is due`)
    }
    return element
  }

  /** A reader for the content of the next element. */
  enter(tag: number): DerReader {
    return new DerReader(this.read(tag).content)
  }

  /** Reads a BIT STRING without unused bits. */
  readBitString(): Buffer {
    const { content } = this.read(Tag.bitString)
    if (content[0] !== 0) throw new InvalidDerError('a BIT STRING that does not end with an octet')
    return content.subarray(1)
  }

  /** Reads a non-negative INTEGER in its shortest form and returns its octets without the leading zero. */
  readUnsigned(): Buffer {
    const { content } = this.read(Tag.integer)
    const [first, second] = content
    if (first === undefined) throw new InvalidDerError('an INTEGER without content')
    if (first >= 0x80) throw new InvalidDerError('a negative INTEGER')
    if (first === 0 && second !== undefined && second < 0x80)
      throw new InvalidDerError('an INTEGER with a leading zero')
    return first === 0 && second !== undefined ? content.subarray(1) : content
  }

  /** Reads a non-negative INTEGER that fits into 32 bits. */
  readSmallUnsigned(): number {
    const bytes = this.readUnsigned()
    if (bytes.length > 4) throw new InvalidDerError('an INTEGER out of range')
    return bytes.readUIntBE(0, bytes.length)
  }

  /** Reads a BOOLEAN DEFAULT FALSE, which DER encodes only when it is TRUE. */
  readDefaultFalse(): boolean {
    if (this.nextTag !== Tag.boolean) return false
    const { content } = this.read(Tag.boolean)
    if (content.length !== 1 || content[0] !== 0xff) throw new InvalidDerError('a BOOLEAN that is not TRUE')
    return true
  }

  /** Reads an OBJECT IDENTIFIER as dotted decimal. */
  readOid(): string {
    return formatOid(this.read(Tag.oid).content)
  }

  end(): void {
    if (this.hasMore) throw new InvalidDerError('trailing bytes')
  }

  #octet(): number {
    const octet = this.#bytes[this.#at]
    if (octet === undefined) throw new InvalidDerError('it ends too early')
    this.#at += 1
    return octet
  }

  #length(): number {
    const first = this.#octet()
    if (first < 0x80) return first
    const octets = first & 0x7f
    if (octets === 0 || octets > 4) throw new InvalidDerError('a length of an unknown form')
    let length = 0
    for (let i = 0; i < octets; i++) length = length * 256 + this.#octet()
    if (length < 0x80 || length < 256 ** (octets - 1))
      throw new InvalidDerError('a length with more octets than it needs')
    return length
  }
}

/** More octets than any OID in use has. Arcs above 2^53 do not occur either. */
const MAX_OID_LENGTH = 64

function formatOid(content: Buffer): string {
  const last = content.at(-1)
  if (last === undefined || last >= 0x80 || content.length > MAX_OID_LENGTH)
    throw new InvalidDerError('a broken OID')
  const arcs: number[] = []
  let arc = 0
  let isFirstOctet = true
  for (const octet of content) {
    if (isFirstOctet && octet === 0x80) throw new InvalidDerError('a broken OID')
    arc = arc * 128 + (octet & 0x7f)
    if (arc > Number.MAX_SAFE_INTEGER) throw new InvalidDerError('an OID out of range')
    isFirstOctet = octet < 0x80
    if (!isFirstOctet) continue
    if (arcs.length === 0) {
      const root = Math.min(2, Math.floor(arc / 40))
      arcs.push(root, arc - root * 40)
    } else arcs.push(arc)
    arc = 0
  }
  return arcs.join('.')
}
