/** Code length of each symbol, in bits (RFC 7541, Appendix B). The last symbol is EOS. */
const CODE_BITS = [
  13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28,
  28, 28, 28, 28, 28, 6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7,
  8, 15, 6, 12, 10, 13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19,
  13, 14, 6, 15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13,
  28, 20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21,
  22, 23, 22, 23, 23, 24, 22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23,
  22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23, 26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25,
  19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27, 20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25,
  25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26, 30,
]
const EOS = 256
const MAX_CODE_BITS = 30
const MAX_PADDING_BITS = 7

/**
 * The code is canonical: codes of one length are consecutive, in the order of their symbols, and
 * follow all shorter ones. So the lengths define the codes.
 */
const SYMBOLS = [...CODE_BITS.keys()].sort((a, b) => bitsOf(a) - bitsOf(b) || a - b)
const firstCode = new Int32Array(MAX_CODE_BITS + 1)
const symbolsOfLength = new Int32Array(MAX_CODE_BITS + 1)
const symbolsBefore = new Int32Array(MAX_CODE_BITS + 1)
for (const bits of CODE_BITS) symbolsOfLength[bits] = (symbolsOfLength[bits] ?? 0) + 1
for (let bits = 1; bits <= MAX_CODE_BITS; bits++) {
  const shorter = symbolsOfLength[bits - 1] ?? 0
  firstCode[bits] = ((firstCode[bits - 1] ?? 0) + shorter) << 1
  symbolsBefore[bits] = (symbolsBefore[bits - 1] ?? 0) + shorter
}

export function bitsOf(symbol: number): number {
  return CODE_BITS[symbol] ?? MAX_CODE_BITS
}

export function codeOf(symbol: number): number {
  const bits = bitsOf(symbol)
  return (firstCode[bits] ?? 0) + SYMBOLS.indexOf(symbol) - (symbolsBefore[bits] ?? 0)
}

/**
 * Decodes a Huffman-coded string. Calls `visit` with each symbol and the bit at which its code
 * begins. Returns the number of symbols, or undefined when the string is not valid.
 */
export function readHuffman(
  bytes: Uint8Array,
  visit?: (symbol: number, atBit: number) => void,
): number | undefined {
  let [code, bits, count] = [0, 0, 0]
  const end = bytes.length * 8
  for (let at = 0; at < end; at++) {
    code = (code << 1) | (((bytes[at >> 3] ?? 0) >> (7 - (at & 7))) & 1)
    bits += 1
    const place = code - (firstCode[bits] ?? 0)
    if (place >= (symbolsOfLength[bits] ?? 0)) continue
    const symbol = SYMBOLS[(symbolsBefore[bits] ?? 0) + place] ?? EOS
    if (symbol === EOS) return undefined
    visit?.(symbol, at + 1 - bits)
    count += 1
    code = 0
    bits = 0
  }
  return bits <= MAX_PADDING_BITS && code === (1 << bits) - 1 ? count : undefined
}
