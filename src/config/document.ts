import { isMap, isScalar, isSeq, LineCounter, type Node, parseAllDocuments, visit } from 'yaml'
import type { z } from 'zod'
import { messageOf } from '../foundation/errors.ts'
import { describeIssue, problemsOf, withoutUnknownKeys } from './problem.ts'

export type Path = readonly PropertyKey[]

interface Checked<T> {
  readonly data: T | undefined
  readonly problems: readonly string[]
}

/** No valid document is nested deeper. The code below recurses into documents, so this protects the stack. */
const MAX_DEPTH = 32
const TOO_DEEP = `nested deeper than ${MAX_DEPTH} levels`

/** One YAML document that knows the line of each of its values. */
export class SourceDocument {
  readonly value: unknown
  readonly fileName: string
  readonly #contents: Node
  /** Returns the line of an offset. */
  readonly #lineAt: (offset: number) => number

  constructor(contents: Node, value: unknown, lineAt: (offset: number) => number, fileName: string) {
    this.#contents = contents
    this.#lineAt = lineAt
    this.fileName = fileName
    this.value = value
  }

  /** The elements, if the document is a list. */
  get elements(): readonly SourceDocument[] | undefined {
    const contents = this.#contents
    if (!isSeq(contents) || !Array.isArray(this.value)) return undefined
    return this.value.map(
      (value, at) => new SourceDocument(contents.items[at] as Node, value, this.#lineAt, this.fileName),
    )
  }

  /** Returns the line of the value at a path, or of its nearest existing ancestor. */
  line(path: Path): number {
    let node: unknown = this.#contents
    let offset = offsetOf(node) ?? 0
    for (const step of path) {
      if (isMap(node)) {
        const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === String(step))
        if (!pair) break
        offset = offsetOf(pair.key) ?? offset
        node = pair.value
      } else if (isSeq(node)) {
        node = node.items[Number(step)]
        offset = offsetOf(node) ?? offset
      } else break
    }
    return this.#lineAt(offset)
  }

  /** Formats the place of a path as `file:line`. */
  at(path: Path): string {
    return `${this.fileName}:${this.line(path)}`
  }

  /** Formats a problem as `file:line: path: message`. */
  problem(path: Path, message: string): string {
    const where = path.length === 0 ? '' : `${path.map(String).join('.')}: `
    return `${this.at(path)}: ${where}${message}`
  }

  /**
   * Finds numbers that YAML reads differently from how they are written, for example `007` as 7.
   * Ignores values below `except`.
   */
  rewrittenNumbers(except: Path): string[] {
    const found: string[] = []
    const left = isMap(this.#contents) ? this.#contents.getIn(except, true) : undefined
    visit(this.#contents, {
      Collection: (_key, node) => (node === left ? visit.SKIP : undefined),
      Scalar: (key, { value, source, range }) => {
        if (key === 'key' || typeof value !== 'number' || source === undefined || source === String(value))
          return
        const line = this.#lineAt(range?.[0] ?? 0)
        found.push(
          `${this.fileName}:${line}: ${source} is read as the number ${value}: write it in quotes to keep it as it is`,
        )
      },
    })
    return found
  }

  /**
   * Validates a value with a schema. Returns its output, and every problem with its line. Data with
   * unknown keys as the only problems is returned, too, so that later checks can report their
   * problems.
   */
  check<T>(schema: z.ZodType<T>, value: unknown = this.value, above: Path = []): Checked<T> {
    const result = schema.safeParse(value, { error: describeIssue })
    if (result.success) return { data: result.data, problems: [] }
    const { issues } = result.error
    const problems = problemsOf(issues).map(({ path, message }) => this.problem([...above, ...path], message))
    const known = withoutUnknownKeys(value, issues)
    const again = known === undefined ? undefined : schema.safeParse(known)
    return { data: again?.success ? again.data : undefined, problems }
  }
}

/**
 * Reads all documents of a file, except empty ones. Documents that are not valid YAML appear only
 * in `problems`. The text may be a piece of the file, with `linesBefore` lines before it.
 */
export function readDocuments(
  text: string,
  fileName: string,
  linesBefore = 0,
): { readonly documents: readonly SourceDocument[]; readonly problems: readonly string[] } {
  const lines = new LineCounter()
  const lineAt = (offset: number): number => linesBefore + lines.linePos(offset).line
  const documents: SourceDocument[] = []
  const problems: string[] = []
  const parsed = parseAllDocuments(text, { lineCounter: lines, prettyErrors: false, version: '1.2' })
  for (const document of Array.isArray(parsed) ? parsed : []) {
    if (document.errors.length > 0) {
      for (const { pos, code, message } of document.errors) {
        const reason = code === 'RESOURCE_EXHAUSTION' ? TOO_DEEP : message
        const problem = `${fileName}:${lineAt(pos[0])}: ${reason}`
        if (!problems.includes(problem)) problems.push(problem)
      }
    } else if (
      document.contents !== null &&
      !(isScalar(document.contents) && document.contents.value === null)
    ) {
      try {
        const source = new SourceDocument(document.contents, document.toJS(), lineAt, fileName)
        if (isWithin(source.value, MAX_DEPTH)) documents.push(source)
        else problems.push(`${fileName}:${lineAt(document.range[0])}: ${TOO_DEEP}`)
      } catch (error) {
        // A document with excessive aliases; the YAML library allows a hundred.
        problems.push(`${fileName}:${lineAt(document.range[0])}: ${messageOf(error)}`)
      }
    }
  }
  return { documents, problems }
}

function offsetOf(node: unknown): number | undefined {
  return (node as { range?: readonly [number, number, number] } | null | undefined)?.range?.[0]
}

function isWithin(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return true
  return levels > 0 && Object.values(value).every((each) => isWithin(each, levels - 1))
}
