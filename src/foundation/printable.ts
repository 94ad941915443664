/**
 * What must not reach a terminal, or a reader of lines, from outside: control characters and with them every escape sequence and line
 * break; marks that turn the direction of writing; what shows nothing at all; halves of characters.
 */
export const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/u
const ALL = new RegExp(UNPRINTABLE.source, 'gu')
const ALL_BUT_LINE_BREAKS = new RegExp(`(?!\\n)${UNPRINTABLE.source}`, 'gu')

const SHORT: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }

/** Text of somebody else's as one line that does nothing but be read: what is unprintable is shown as an escape. */
export function printable(text: string): string {
  return UNPRINTABLE.test(text) ? text.replaceAll(ALL, (found) => SHORT[found] ?? escaped(found)) : text
}

/** The same of text whose line breaks are ours. */
export function printableLines(text: string): string {
  return UNPRINTABLE.test(text) ? text.replaceAll(ALL_BUT_LINE_BREAKS, escaped) : text
}

/** JSON that says the same. What is unprintable can only stand within its strings, where it may be escaped; line breaks between them stay. */
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
