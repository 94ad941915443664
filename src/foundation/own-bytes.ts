/**
 * A copy of bytes, one after the other, in memory of their own. For what is kept: a small buffer is else cut from a pool of 64 KiB, or from
 * the message in which it came, and holds all of it for as long as it lives.
 */
export function ownBytes(...parts: readonly Uint8Array[]): Buffer {
  const bytes = Buffer.allocUnsafeSlow(parts.reduce((length, part) => length + part.length, 0))
  let at = 0
  for (const part of parts) {
    bytes.set(part, at)
    at += part.length
  }
  return bytes
}
