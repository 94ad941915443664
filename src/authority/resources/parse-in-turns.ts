import { setImmediate } from 'node:timers/promises'
import { type ParsedResource, parseResources } from '../../config/resources.ts'

/** Takes about 200 ms to parse. A hand-written file is far shorter and is parsed as a whole. */
const TURN_LENGTH = 256 * 1024

/** The text of a file, and its name in problems. */
export interface ResourceFile {
  readonly text: string
  readonly name: string
}

interface Parsed {
  readonly resources: ParsedResource[]
  readonly problems: string[]
}

/** Parses files that are applied together: a resource may be in one of them only, and once. */
export async function parseFiles(files: readonly ResourceFile[]): Promise<Parsed> {
  const parsed: Parsed[] = []
  for (const { text, name } of files) parsed.push(await parseInTurns(text, name))
  return together(parsed)
}

/**
 * Parses a long file in pieces, so that other calls get a turn in between. A line `---` always begins
 * a document (YAML 1.2 §9.1.2, c-forbidden), unless directives come before it. So a file with
 * directives is parsed as a whole.
 */
export async function parseInTurns(text: string, fileName: string): Promise<Parsed> {
  if (text.length <= TURN_LENGTH || /^(?:%|\.\.\.)/m.test(text)) return parseResources(text, fileName)
  const parsed: Parsed[] = []
  for (const piece of piecesOf(text)) {
    parsed.push(parseResources(piece, fileName))
    await setImmediate()
  }
  return together(parsed)
}

function together(parts: readonly Parsed[]): Parsed {
  const [only, another] = parts
  if (only !== undefined && another === undefined) return only
  const resources: ParsedResource[] = []
  const problems: string[] = []
  const seen = new Map<string, ParsedResource>()
  for (const parsed of parts) {
    problems.push(...parsed.problems)
    for (const resource of parsed.resources) {
      const key = `${resource.kind} ${resource.name}`
      const earlier = seen.get(key)
      if (earlier) {
        problems.push(
          `${resource.at(['metadata', 'name'])}: metadata.name: ${key} is already at ${earlier.at([])}`,
        )
      } else {
        seen.set(key, resource)
        resources.push(resource)
      }
    }
  }
  return { resources, problems }
}

/**
 * Each piece begins with as many empty lines as the file has before it, so that problems name the
 * right lines.
 */
function* piecesOf(text: string): Generator<string> {
  const marker = /^---(?=\s|$)/gm
  let lines = 0
  for (let from = 0; from < text.length; ) {
    marker.lastIndex = from + TURN_LENGTH
    const to = marker.exec(text)?.index ?? text.length
    const piece = text.slice(from, to)
    if (/^[^\s#-]/m.test(piece)) yield '\n'.repeat(lines) + piece
    lines += piece.split('\n').length - 1
    from = to
  }
}
