import { rewriteHuffman, rewriteRaw } from './authority-value.ts'
import { type FieldName, FieldNames } from './field-names.ts'
import { readHuffman } from './huffman.ts'

/** The result for a header block. A malformed one is left to HTTP/2, which ends the connection. */
export type Found = 'clean' | 'rewritten' | 'malformed'

const AUTHORITY = ':authority'
const NONE = new Uint8Array(0)
const NO_NAME: FieldName = { isAuthority: false, length: 0 }
/** No valid header block contains a larger integer. */
const MAX_INTEGER = 1 << 20

/**
 * Reads the header blocks of one connection, in order. In each literal `:authority`, whether its
 * name is indexed or literal, it replaces in place what Node refuses. Encoded and decoded lengths
 * stay the same, so frames and the dynamic tables of both ends stay consistent.
 */
export class HeaderBlocks {
  readonly #names = new FieldNames()
  #block: Uint8Array = NONE
  #at = 0
  #isMalformed = false
  #hasChanged = false

  /** Rewrites the block in place. */
  rewrite(block: Uint8Array): Found {
    this.#block = block
    this.#at = 0
    this.#hasChanged = false
    while (this.#at < block.length && !this.#isMalformed) this.#field()
    this.#block = NONE
    if (this.#isMalformed) return 'malformed'
    return this.#hasChanged ? 'rewritten' : 'clean'
  }

  /** Reads one field; its first bits tell the representation (RFC 7541 §6). */
  #field(): void {
    const first = this.#block[this.#at] ?? 0
    if ((first & 0x80) !== 0) {
      this.#nameAt(this.#integer(7))
    } else if ((first & 0xe0) === 0x20) {
      if (!this.#names.resize(this.#integer(5))) this.#isMalformed = true
    } else {
      const isKept = (first & 0x40) !== 0
      const index = this.#integer(isKept ? 6 : 4)
      const name = index === 0 ? this.#literalName() : this.#nameAt(index)
      const length = this.#value(name.isAuthority)
      if (isKept && !this.#isMalformed) this.#names.add(name, length)
    }
  }

  #nameAt(index: number): FieldName {
    const name = this.#names.at(index)
    if (name === undefined) this.#isMalformed = true
    return name ?? NO_NAME
  }

  #literalName(): FieldName {
    const { bytes, isHuffman } = this.#string()
    if (!isHuffman)
      return { isAuthority: AUTHORITY === Buffer.from(bytes).toString('latin1'), length: bytes.length }
    let text = ''
    const length = readHuffman(bytes, (symbol) => {
      if (text.length <= AUTHORITY.length) text += String.fromCharCode(symbol)
    })
    if (length === undefined) this.#isMalformed = true
    return { isAuthority: text === AUTHORITY, length: length ?? 0 }
  }

  /** Reads a value, rewrites it if it is an `:authority`, and returns its decoded length. */
  #value(isAuthority: boolean): number {
    const { bytes, isHuffman } = this.#string()
    if (!isHuffman) {
      if (isAuthority && rewriteRaw(bytes)) this.#hasChanged = true
      return bytes.length
    }
    const coded = isAuthority ? rewriteHuffman(bytes) : { length: readHuffman(bytes), hasChanged: false }
    if (coded?.length === undefined) this.#isMalformed = true
    if (coded?.hasChanged === true) this.#hasChanged = true
    return coded?.length ?? 0
  }

  #string(): { bytes: Uint8Array; isHuffman: boolean } {
    const isHuffman = ((this.#block[this.#at] ?? 0) & 0x80) !== 0
    const length = this.#integer(7)
    const start = this.#at
    if (start + length > this.#block.length) this.#isMalformed = true
    if (this.#isMalformed) return { bytes: NONE, isHuffman: false }
    this.#at += length
    return { bytes: this.#block.subarray(start, start + length), isHuffman }
  }

  /** RFC 7541 §5.1. */
  #integer(prefixBits: number): number {
    const mask = (1 << prefixBits) - 1
    let value = this.#byte() & mask
    if (value < mask) return value
    for (let factor = 1; ; factor *= 128) {
      const byte = this.#byte()
      value += (byte & 127) * factor
      if (value > MAX_INTEGER || factor > MAX_INTEGER) this.#isMalformed = true
      if (this.#isMalformed) return 0
      if ((byte & 128) === 0) return value
    }
  }

  #byte(): number {
    const byte = this.#block[this.#at++]
    if (byte === undefined) this.#isMalformed = true
    return byte ?? 0
  }
}
