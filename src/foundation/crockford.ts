/** Crockford's base 32 has no letters that look like digits (https://www.crockford.com/base32.html). */
export const CROCKFORD = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'

/** Encodes the leading `length` × 5 bits of `bytes`. */
export function encodeCrockford(bytes: Uint8Array, length: number): string {
  let text = ''
  let bits = 0
  let held = 0
  let index = 0
  while (text.length < length) {
    if (bits < 5) {
      held = ((held << 8) | (bytes[index++] ?? 0)) & 0xfff
      bits += 8
    }
    bits -= 5
    text += CROCKFORD[(held >> bits) & 31]
  }
  return text
}
