import { printable, printableJson, printableLines } from '../foundation/printable.ts'

/** What commands print: text for people, JSON for programs. Warnings and errors go to stderr. */

/** Text whose line breaks are ours: every part that somebody else chose went through a table, fields or {@link printable}. */
export function print(text: string): void {
  const shown = printableLines(text)
  process.stdout.write(shown.endsWith('\n') ? shown : `${shown}\n`)
}

/** One line, whoever chose what is in it. */
export function printLine(text: string): void {
  process.stdout.write(`${printable(text)}\n`)
}

/** One line to standard error. */
export function warn(text: string): void {
  process.stderr.write(`${printable(text)}\n`)
}

export function printJson(value: unknown): void {
  printJsonText(formatJson(value))
}

/** JSON that was made elsewhere. */
export function printJsonText(json: string): void {
  const shown = printableJson(json)
  process.stdout.write(shown.endsWith('\n') ? shown : `${shown}\n`)
}

/** What is nested deeper than anything of ours is cut, for no formatter follows it without end. */
export function formatJson(value: unknown, indent = 2): string {
  return printableJson(JSON.stringify(toPlain(value, 0), undefined, indent))
}

/** A list in JSON that is printed element by element: however long it is, it is never in memory as a whole. */
export class JsonListPrinter {
  #isEmpty = true

  add(element: unknown): void {
    const text = formatJson(element).replaceAll('\n', '\n  ')
    process.stdout.write(`${this.#isEmpty ? '[' : ','}\n  ${text}`)
    this.#isEmpty = false
  }

  end(): void {
    print(this.#isEmpty ? '[]' : '\n]')
  }
}

/** Columns as wide as their widest cell; nothing at all when there are no rows but the heading's word. */
export function formatTable(heading: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [heading, ...rows]
  const widths = heading.map((_, column) =>
    Math.max(...lines.map((line) => printable(line[column] ?? '').length)),
  )
  return lines
    .map((line) =>
      line
        .map((cell, column) => printable(cell).padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

/** `name: value` lines, values aligned. */
export function formatFields(fields: Readonly<Record<string, string | undefined>>, indent = ''): string {
  const given = Object.entries(fields).filter((field): field is [string, string] => field[1] !== undefined)
  const width = Math.max(...given.map(([name]) => name.length)) + 1
  return given.map(([name, value]) => `${indent}${`${name}:`.padEnd(width)} ${printable(value)}`).join('\n')
}

const DEEPEST = 48

function toPlain(value: unknown, depth: number): unknown {
  if (typeof value === 'bigint') return value.toString()
  if (typeof value !== 'object' || value === null || Buffer.isBuffer(value)) return value
  if (depth > DEEPEST) return '… nested too deeply'
  if (Array.isArray(value)) return value.map((each) => toPlain(each, depth + 1))
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, toPlain(each, depth + 1)]))
}
