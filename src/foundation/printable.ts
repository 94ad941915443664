/**
 * Characters that must not reach a terminal or a line-based reader from outside: control
 * characters, and with them all escape sequences and line breaks; bidirectional marks; invisible
 * characters; lone surrogates.
 */
export const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/u
const ALL = new RegExp(UNPRINTABLE.source, 'gu')
const ALL_BUT_LINE_BREAKS = new RegExp(`(?!\\n)${UNPRINTABLE.source}`, 'gu')

const SHORT: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }

/** Makes foreign text safe to print in one line. Unprintable characters become escapes. */
export function printable(text: string): string {
  return UNPRINTABLE.test(text) ? text.replaceAll(ALL, (found) => SHORT[found] ?? escaped(found)) : text
}

/** Does the same for text whose line breaks are our own. */
export function printableLines(text: string): string {
  return UNPRINTABLE.test(text) ? text.replaceAll(ALL_BUT_LINE_BREAKS, escaped) : text
}

/**
 * Returns equivalent JSON. Unprintable characters occur only in its strings, where they can be
 * escaped; line breaks between values stay.
 */
export function printableJson(json: string): string {
  if (!UNPRINTABLE.test(json)) return json
  return json.replaceAll(ALL_BUT_LINE_BREAKS, (found) =>
    Array.from({ length: found.length }, (_, index) => unit(found.charCodeAt(index))).join(''),
  )
}

function escaped(character: string): string {
  const point = character.codePointAt(0) ?? 0
  if (point < 0x100) return `\\x${point.toString(16).padStart(2, '0')}`
  return point < 0x10000 ? unit(point) : `\\u{${point.toString(16)}}`
}

function unit(code: number): string {
  return `\\u${code.toString(16).padStart(4, '0')}`
}
