import { bitsOf, codeOf, readHuffman } from './huffman.ts'

/**
 * The characters that Node accepts in `:authority`: those of RFC 3986 except `@`. Found by
 * experiment; a test tries all 256 bytes.
 */
const ACCEPTED = /^[!$%&'()*+,\-.:;=[\]_~0-9A-Za-z]$/
const DOT = '.'.charCodeAt(0)
/** One accepted character for each code length that has one. */
const HUFFMAN_STAND_INS = ['.', '!', '+', '$'].map((char) => char.charCodeAt(0))

const isRefused = Array.from({ length: 256 }, (_, byte) => !ACCEPTED.test(String.fromCharCode(byte)))
const standIns = new Map(HUFFMAN_STAND_INS.map((symbol) => [bitsOf(symbol), codeOf(symbol)]))

/** Replaces each refused byte in place. Returns whether there was one. */
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
 * Does the same for a Huffman-coded value, where a code can be replaced only by another of the same
 * length. `/`, space, `"`, `?`, `@`, `|` and NUL have such a replacement; other refused bytes stay,
 * and Node refuses them. Also returns the decoded length; undefined when the value is not valid
 * Huffman code.
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
