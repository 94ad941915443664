import { setImmediate } from 'node:timers/promises'
import { type ParsedResource, parseResources } from '../../config/resources.ts'

/** Takes 50 to 100 ms to parse on a core of its own: no other call is answered meanwhile. */
const TURN_LENGTH = 16 * 1024

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
  for (const { text, name } of files) {
    for (const { piece, linesBefore } of piecesOf(text)) {
      parsed.push(parseResources(piece, name, linesBefore))
      await setImmediate() // other calls get a turn
    }
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

/** Part of a file, or all of it. */
interface Piece {
  readonly piece: string
  readonly linesBefore: number
}

/**
 * Divides a long file. A line `---` always begins a document (YAML 1.2 §9.1.2, c-forbidden), unless
 * directives come before it. So a file with directives stays whole.
 */
function* piecesOf(text: string): Generator<Piece> {
  if (text.length <= TURN_LENGTH || /^(?:%|\.\.\.)/m.test(text)) {
    yield { piece: text, linesBefore: 0 }
    return
  }
  const marker = /^---(?=\s|$)/gm
  let linesBefore = 0
  let isEmpty = true
  for (let from = 0; from < text.length; ) {
    marker.lastIndex = from + TURN_LENGTH
    const to = marker.exec(text)?.index ?? text.length
    const piece = text.slice(from, to)
    if (hasContent(piece)) {
      isEmpty = false
      yield { piece, linesBefore }
    }
    linesBefore += piece.split('\n').length - 1
    from = to
  }
  if (isEmpty) yield { piece: '', linesBefore: 0 } // so that the file is reported as empty
}

/** Whether there is more than empty lines, comments and marks between documents. */
function hasContent(piece: string): boolean {
  return /^[^\S\n]*[^\s#]/m.test(piece.replace(/^---(?=\s|$)/gm, ''))
}
