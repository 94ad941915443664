const ALPHABET = /^[A-Za-z0-9_-]*$/

/**
 * Decodes base64url without padding (RFC 4648 §5). Returns undefined when the text is not the
 * canonical encoding.
 */
export function decodeBase64Url(text: string): Buffer | undefined {
  if (!ALPHABET.test(text)) return undefined
  const bytes = Buffer.from(text, 'base64url')
  // Unused bits of the last character must be zero, and a single character encodes no byte.
  return bytes.toString('base64url') === text ? bytes : undefined
}
