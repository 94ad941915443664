/**
 * Copies bytes, concatenated, into memory of their own, to keep them. A small buffer is otherwise a
 * slice of a 64 KiB pool or of the message that it came in, and keeps all of that alive.
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
