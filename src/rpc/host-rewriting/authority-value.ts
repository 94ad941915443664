import { bitsOf, codeOf, readHuffman } from './huffman.ts'

/** What HTTP/2 in Node lets through in `:authority`: of RFC 3986 all but `@`. Measured; a test walks all 256 bytes. */
const ACCEPTED = /^[!$%&'()*+,\-.:;=[\]_~0-9A-Za-z]$/
const DOT = '.'.charCodeAt(0)
/** One of each length of code that has any. */
const HUFFMAN_STAND_INS = ['.', '!', '+', '$'].map((char) => char.charCodeAt(0))

const isRefused = Array.from({ length: 256 }, (_, byte) => !ACCEPTED.test(String.fromCharCode(byte)))
const standIns = new Map(HUFFMAN_STAND_INS.map((symbol) => [bitsOf(symbol), codeOf(symbol)]))

/** Replaces, in place, each byte that would be refused. Says whether there was any. */
export function rewriteRaw(value: Uint8Array): boolean {
  let hasChanged = false
  for (const [n, byte] of value.entries()) {
    if (isRefused[byte] !== true) continue
    value[n] = DOT
    hasChanged = true
  }
  return hasChanged
}

/**
 * The same in a Huffman-coded value, where a code can only make room for one of its own length: `/`, space, `"`, `?`, `@`, `|` and NUL
 * have one, what else would be refused stays and is refused. Gives the decoded length too; undefined where this is no Huffman code.
 */
export function rewriteHuffman(value: Uint8Array): { length: number; hasChanged: boolean } | undefined {
  const changes: { atBit: number; bits: number; code: number }[] = []
  const length = readHuffman(value, (symbol, atBit) => {
    if (isRefused[symbol] !== true) return
    const bits = bitsOf(symbol)
    const code = standIns.get(bits)
    if (code !== undefined) changes.push({ atBit, bits, code })
  })
  if (length === undefined) return undefined
  for (const { atBit, bits, code } of changes) writeBits(value, atBit, bits, code)
  return { length, hasChanged: changes.length > 0 }
}

function writeBits(bytes: Uint8Array, atBit: number, bits: number, code: number): void {
  for (let n = 0; n < bits; n++) {
    const at = atBit + n
    const mask = 0x80 >> (at & 7)
    const byte = bytes[at >> 3] ?? 0
    bytes[at >> 3] = (code >> (bits - 1 - n)) & 1 ? byte | mask : byte & ~mask
  }
}
