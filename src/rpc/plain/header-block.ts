import { readHuffman } from '../host-rewriting/huffman.ts'

/** HPACK (RFC 7541), as far as a client needs it to send a request and read the response. */

/** Name and value. */
export type HeaderField = readonly [string, string]

/** The static table (Appendix A). */
const STATIC: readonly HeaderField[] = [
  [':authority', ''],
  [':method', 'GET'],
  [':method', 'POST'],
  [':path', '/'],
  [':path', '/index.html'],
  [':scheme', 'http'],
  [':scheme', 'https'],
  ...['200', '204', '206', '304', '400', '404', '500'].map((code): HeaderField => [':status', code]),
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
    .map((name): HeaderField => [name, '']),
]

/** SETTINGS_HEADER_TABLE_SIZE of this client, which keeps the default. */
const MAX_TABLE_BYTES = 4096
/** The overhead that an entry counts in addition to name and value (§4.1). */
const ENTRY_BYTES = 32
/** No valid header block contains a larger integer. */
const MAX_INTEGER = 1 << 24

/**
 * Encodes every field as a literal, neither indexed nor Huffman-coded: a client with one call gains
 * nothing by either.
 */
export function encodeHeaders(fields: readonly HeaderField[]): Buffer {
  return Buffer.concat(fields.flatMap(([name, value]) => [Buffer.of(0), encodeText(name), encodeText(value)]))
}

function encodeText(text: string): Buffer {
  const bytes = Buffer.from(text, 'latin1')
  const prefix: number[] = []
  let rest = bytes.length
  if (rest < 127) prefix.push(rest)
  else {
    prefix.push(127)
    for (rest -= 127; rest > 127; rest = Math.floor(rest / 128)) prefix.push((rest % 128) | 128)
    prefix.push(rest)
  }
  return Buffer.concat([Buffer.from(prefix), bytes])
}

/** Decodes the header blocks of one connection, in order. */
export class HeaderDecoder {
  /** Newest first. */
  readonly #table: HeaderField[] = []
  #tableBytes = 0
  #maxBytes = MAX_TABLE_BYTES
  #block: Buffer = Buffer.alloc(0)
  #at = 0

  /**
   * Returns the fields of a block, or undefined when it is malformed. The connection cannot be used
   * after that.
   */
  decode(block: Buffer): HeaderField[] | undefined {
    this.#block = block
    this.#at = 0
    const fields: HeaderField[] = []
    while (this.#at < block.length) {
      if (!this.#field(fields)) return undefined
    }
    return fields
  }

  /** Reads one field; its first bits tell the representation (§6). */
  #field(fields: HeaderField[]): boolean {
    const first = this.#block[this.#at] ?? 0
    if ((first & 0x80) !== 0) {
      const field = this.#entry(this.#integer(7))
      if (field !== undefined) fields.push(field)
      return field !== undefined
    }
    if ((first & 0xe0) === 0x20) {
      const bytes = this.#integer(5)
      if (bytes === undefined || bytes > MAX_TABLE_BYTES) return false
      this.#maxBytes = bytes
      this.#evictTo(bytes)
      return true
    }
    const isKept = (first & 0x40) !== 0
    const index = this.#integer(isKept ? 6 : 4)
    const name = index === 0 ? this.#text() : this.#entry(index)?.[0]
    const value = name === undefined ? undefined : this.#text()
    if (name === undefined || value === undefined) return false
    fields.push([name, value])
    if (isKept) this.#keep([name, value])
    return true
  }

  #entry(index: number | undefined): HeaderField | undefined {
    if (index === undefined || index === 0) return undefined
    return index <= STATIC.length ? STATIC[index - 1] : this.#table[index - STATIC.length - 1]
  }

  #keep(field: HeaderField): void {
    const bytes = sizeOf(field)
    this.#evictTo(this.#maxBytes - bytes)
    if (bytes > this.#maxBytes) return
    this.#table.unshift(field)
    this.#tableBytes += bytes
  }

  #evictTo(bytes: number): void {
    for (;;) {
      const oldest = this.#tableBytes > bytes ? this.#table.pop() : undefined
      if (oldest === undefined) return
      this.#tableBytes -= sizeOf(oldest)
    }
  }

  #text(): string | undefined {
    const isHuffman = ((this.#block[this.#at] ?? 0) & 0x80) !== 0
    const length = this.#integer(7)
    if (length === undefined || length > this.#block.length - this.#at) return undefined
    const bytes = this.#block.subarray(this.#at, this.#at + length)
    this.#at += length
    if (!isHuffman) return bytes.toString('latin1')
    const symbols: number[] = []
    return readHuffman(bytes, (symbol) => symbols.push(symbol)) === undefined
      ? undefined
      : Buffer.from(symbols).toString('latin1')
  }

  /** §5.1. */
  #integer(prefixBits: number): number | undefined {
    const mask = (1 << prefixBits) - 1
    const prefix = this.#block[this.#at++]
    if (prefix === undefined) return undefined
    let value = prefix & mask
    if (value < mask) return value
    for (let factor = 1; factor <= MAX_INTEGER; factor *= 128) {
      const byte = this.#block[this.#at++]
      if (byte === undefined) return undefined
      value += (byte & 127) * factor
      if (value > MAX_INTEGER) return undefined
      if (byte < 128) return value
    }
    return undefined
  }
}

function sizeOf([name, value]: HeaderField): number {
  return name.length + value.length + ENTRY_BYTES
}
