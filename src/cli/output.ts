import { printable, printableJson, printableLines } from '../foundation/printable.ts'
import { isPainted, type Paint, painted } from './paint.ts'

/** Output of commands: text for people, JSON for programs. Warnings and errors go to stderr. */

/**
 * Prints text with our own line breaks. Foreign parts must already be escaped: by a table, fields
 * or {@link printable}.
 */
export function print(text: string): void {
  const shown = printableLines(text)
  process.stdout.write(shown.endsWith('\n') ? shown : `${shown}\n`)
}

/** Prints one line. Foreign text in it is escaped. */
export function printLine(text: string): void {
  process.stdout.write(`${printable(text)}\n`)
}

/** Prints one line, in a colour where the output may have any. Foreign text in it is escaped. */
export function printPainted(paint: Paint, text: string): void {
  const shown = printable(text)
  process.stdout.write(`${isPainted(process.stdout, process.env) ? painted(paint, shown) : shown}\n`)
}

/** Prints one line to standard error. */
export function warn(text: string): void {
  process.stderr.write(`${printable(text)}\n`)
}

/** Prints a question to standard error; the answer follows on the same line. */
export function printQuestion(text: string): void {
  process.stderr.write(printable(text))
}

export function printJson(value: unknown): void {
  printJsonText(formatJson(value))
}

/** Prints JSON text that was formatted elsewhere. */
export function printJsonText(json: string): void {
  const shown = printableJson(json)
  process.stdout.write(shown.endsWith('\n') ? shown : `${shown}\n`)
}

/** Formats JSON. Deep nesting, which only foreign data has, is cut, because the formatter recurses. */
export function formatJson(value: unknown, indent = 2): string {
  return printableJson(JSON.stringify(toPlain(value, 0), undefined, indent))
}

/** Prints a JSON array element by element, so that a long list is never in memory as a whole. */
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

/** Formats a table whose columns are as wide as their widest cell. */
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

/** Formats `name: value` lines with aligned values. */
export function formatFields(fields: Readonly<Record<string, string | undefined>>, indent = ''): string {
  const given = Object.entries(fields).filter((field): field is [string, string] => field[1] !== undefined)
  const width = Math.max(...given.map(([name]) => name.length)) + 1
  return given.map(([name, value]) => `${indent}${`${name}:`.padEnd(width)} ${printable(value)}`).join('\n')
}

const MAX_DEPTH = 48

function toPlain(value: unknown, depth: number): unknown {
  if (typeof value === 'bigint') return value.toString()
  if (typeof value !== 'object' || value === null || Buffer.isBuffer(value)) return value
  if (depth > MAX_DEPTH) return '… nested too deeply'
  if (Array.isArray(value)) return value.map((each) => toPlain(each, depth + 1))
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, toPlain(each, depth + 1)]))
}
