const ALPHABET = /^[A-Za-z0-9_-]*$/

/** The bytes, or undefined when the text is not the one base64url text (RFC 4648 §5, no padding) for them. */
export function decodeBase64Url(text: string): Buffer | undefined {
  if (!ALPHABET.test(text)) return undefined
  const bytes = Buffer.from(text, 'base64url')
  // Unused bits of the last character must be zero, and one character alone is nothing.
  return bytes.toString('base64url') === text ? bytes : undefined
}
