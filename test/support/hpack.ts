import { bitsOf, codeOf } from '../../src/rpc/host-rewriting/huffman.ts'
import { END_HEADERS, TYPE } from './frames.ts'

/**
 * A second, simple implementation of HPACK (RFC 7541) for whole blocks, to compare with the one
 * that works on chunks. Both share the Huffman table, which is tested with the RFC's examples and
 * against nghttp2.
 */

export interface Field {
  readonly name: string
  readonly value: string
}

/** A decoded field, and the position of its value when it is a literal. */
interface DecodedField extends Field {
  readonly span?: { readonly start: number; readonly end: number }
}

export type Representation = 'indexing' | 'without' | 'never'

export interface LiteralOptions {
  readonly as?: Representation
  /** The index of the name, or the encoding of a literal name. */
  readonly name?: number | 'raw' | 'huffman'
  readonly huffman?: boolean
}

const PREFIXES = { indexing: [6, 0x40], without: [4, 0x00], never: [4, 0x10] } as const
const ENTRY_BYTES = 32
const TABLE_BYTES = 4096

const STATIC: readonly (readonly [string, string])[] = [
  [':authority', ''],
  [':method', 'GET'],
  [':method', 'POST'],
  [':path', '/'],
  [':path', '/index.html'],
  [':scheme', 'http'],
  [':scheme', 'https'],
  ...[200, 204, 206, 304, 400, 404, 500].map((status) => [':status', String(status)] as const),
  ['accept-charset', ''],
  ['accept-encoding', 'gzip, deflate'],
  ...(
    'accept-language accept-ranges accept access-control-allow-origin age allow authorization cache-control ' +
    'content-disposition content-encoding content-language content-length content-location content-range content-type ' +
    'cookie date etag expect expires from host if-match if-modified-since if-none-match if-range if-unmodified-since ' +
    'last-modified link location max-forwards proxy-authenticate proxy-authorization range referer refresh retry-after ' +
    'server set-cookie strict-transport-security transfer-encoding user-agent vary via www-authenticate'
  )
    .split(' ')
    .map((name) => [name, ''] as const),
]

function integer(value: number, prefixBits: number, first = 0): Buffer {
  const most = 2 ** prefixBits - 1
  if (value < most) return Buffer.of(first | value)
  const bytes = [first | most]
  let rest = value - most
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128)
  return Buffer.of(...bytes, rest)
}

export function huffman(text: string): Buffer {
  let bits = ''
  for (const byte of Buffer.from(text, 'latin1')) bits += codeOf(byte).toString(2).padStart(bitsOf(byte), '0')
  bits += '1'.repeat((8 - (bits.length % 8)) % 8)
  return Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)))
}

function string(text: string, isHuffman: boolean): Buffer {
  const bytes = isHuffman ? huffman(text) : Buffer.from(text, 'latin1')
  return Buffer.concat([integer(bytes.length, 7, isHuffman ? 0x80 : 0), bytes])
}

export function indexed(index: number): Buffer {
  return integer(index, 7, 0x80)
}

export function tableSize(bytes: number): Buffer {
  return integer(bytes, 5, 0x20)
}

export function literal(
  field: Field,
  { as = 'without', name = 'raw', huffman = false }: LiteralOptions = {},
): Buffer {
  const [bits, first] = PREFIXES[as]
  const head = typeof name === 'number' ? integer(name, bits, first) : integer(0, bits, first)
  const named = typeof name === 'number' ? [] : [string(field.name, name === 'huffman')]
  return Buffer.concat([head, ...named, string(field.value, huffman)])
}

const symbols = new Map<string, number>()
for (let symbol = 0; symbol < 256; symbol++) {
  symbols.set(codeOf(symbol).toString(2).padStart(bitsOf(symbol), '0'), symbol)
}

/** A decoder with the dynamic table of a connection. Throws on anything that RFC 7541 forbids. */
export class ReferenceDecoder {
  #table: Field[] = []
  #most = TABLE_BYTES

  /** Returns the current index of a field or its name in the dynamic table, if any. */
  find(name: string, value?: string): number | undefined {
    const found = this.#table.findIndex(
      (field) => field.name === name && (value ?? field.value) === field.value,
    )
    return found < 0 ? undefined : STATIC.length + 1 + found
  }

  /** Decodes a block. Fields read before an error stay in `fields`. */
  decode(block: Buffer, fields: DecodedField[] = []): DecodedField[] {
    let at = 0
    const byte = (): number => {
      const value = block[at++]
      if (value === undefined) throw new Error('cut off')
      return value
    }
    const number = (bits: number): number => {
      const most = 2 ** bits - 1
      let value = byte() & most
      if (value < most) return value
      for (let shift = 0; ; shift += 7) {
        const next = byte()
        value += (next & 127) * 2 ** shift
        if (value > 2 ** 20 || shift > 20) throw new Error('too large')
        if (next < 128) return value
      }
    }
    const text = (): { value: string; span: { start: number; end: number } } => {
      const isHuffman = ((block[at] ?? 0) & 0x80) !== 0
      const length = number(7)
      const span = { start: at, end: at + length }
      if (span.end > block.length) throw new Error('cut off')
      at = span.end
      const bytes = block.subarray(span.start, span.end)
      return { value: isHuffman ? unhuffman(bytes) : bytes.toString('latin1'), span }
    }
    while (at < block.length) {
      const first = block[at] ?? 0
      if (first >= 0x80) {
        fields.push(this.#at(number(7)))
      } else if (first >= 0x20 && first < 0x40) {
        const most = number(5)
        if (most > TABLE_BYTES) throw new Error('table too large')
        this.#most = most
        this.#evict(most)
      } else {
        const index = number(first >= 0x40 ? 6 : 4)
        const name = index === 0 ? text().value : this.#at(index).name
        const { value, span } = text()
        fields.push({ name, value, span })
        if (first >= 0x40) this.#add({ name, value })
      }
    }
    return fields
  }

  #at(index: number): Field {
    const [name, value] = STATIC[index - 1] ?? []
    const field = name === undefined ? this.#table[index - STATIC.length - 1] : { name, value: value ?? '' }
    if (field === undefined) throw new Error('no such index')
    return field
  }

  #add(field: Field): void {
    const bytes = sizeOf(field)
    this.#evict(this.#most - bytes)
    if (bytes <= this.#most) this.#table.unshift(field)
  }

  #evict(bytes: number): void {
    while (this.#table.length > 0 && this.#table.reduce((sum, field) => sum + sizeOf(field), 0) > bytes)
      this.#table.pop()
  }
}

function sizeOf({ name, value }: Field): number {
  return name.length + value.length + ENTRY_BYTES
}

function unhuffman(bytes: Buffer): string {
  let text = ''
  let code = ''
  for (const bit of [...bytes].map((byte) => byte.toString(2).padStart(8, '0')).join('')) {
    code += bit
    if (code.length > 30) throw new Error('no such code')
    const symbol = symbols.get(code)
    if (symbol === undefined) continue
    text += String.fromCharCode(symbol)
    code = ''
  }
  if (code.length > 7 || code.includes('0')) throw new Error('wrong padding')
  return text
}

/**
 * Decodes all header blocks of a client's bytes. Spans count from the first byte. Stops at the
 * first error or at the end of the bytes.
 */
export function decodeStream(bytes: Buffer): { fields: DecodedField[]; spans: Set<number> } {
  const decoder = new ReferenceDecoder()
  const found = { fields: [] as DecodedField[], spans: new Set<number>() }
  const preface = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'
  if (bytes.toString('latin1', 0, preface.length) !== preface) return found
  let positions: number[] | undefined
  let stream = 0
  for (let at = preface.length; at + 9 <= bytes.length; ) {
    const [length, type, flags] = [bytes.readUIntBE(at, 3), bytes[at + 3] ?? 0, bytes[at + 4] ?? 0]
    let [start, end] = [at + 9, at + 9 + length]
    if (end > bytes.length) return found
    if (positions !== undefined && (type !== TYPE.continuation || bytes.readUInt32BE(at + 5) !== stream))
      return found
    at = end
    if (type === TYPE.headers) {
      if (length > 16_384) return found
      stream = bytes.readUInt32BE(start - 4)
      if ((flags & 8) !== 0) {
        end -= bytes[start] ?? 0
        start += 1
      }
      if ((flags & 32) !== 0) start += 5
      if (length === 0 ? (flags & 40) !== 0 : start > end) return found
      positions = []
    }
    if (positions === undefined) continue
    for (let n = start; n < end; n++) positions.push(n)
    if ((flags & END_HEADERS) === 0) continue
    const block = positions
    positions = undefined
    const fields: DecodedField[] = []
    let isWhole = false
    try {
      decoder.decode(Buffer.from(block.map((n) => bytes[n] ?? 0)), fields)
      isWhole = true
    } catch {} // the fields before the error count
    found.fields.push(...fields)
    for (const { name, span } of fields) {
      if (name !== ':authority' || span === undefined) continue
      for (let n = span.start; n < span.end; n++) found.spans.add(block[n] ?? -1)
    }
    if (!isWhole) return found
  }
  return found
}
