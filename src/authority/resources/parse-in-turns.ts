import { setImmediate } from 'node:timers/promises'
import { type ParsedResource, parseResources } from '../../config/resources.ts'

/** About 200 ms of reading; a file of people is far shorter and is read as a whole. */
const TURN_LENGTH = 256 * 1024

/**
 * Reads the documents of a long file piece by piece, so that others have their turn on the loop meanwhile. A line `---` always begins
 * a document (YAML 1.2 §9.1.2, c-forbidden), except that directives may stand before it: a file with any is read as a whole.
 */
export async function parseInTurns(
  text: string,
  fileName: string,
): Promise<{ resources: ParsedResource[]; problems: string[] }> {
  if (text.length <= TURN_LENGTH || /^(?:%|\.\.\.)/m.test(text)) return parseResources(text, fileName)
  const resources: ParsedResource[] = []
  const problems: string[] = []
  const seen = new Map<string, ParsedResource>()
  for (const piece of piecesOf(text)) {
    const parsed = parseResources(piece, fileName)
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
    await setImmediate()
  }
  return { resources, problems }
}

/** Each piece begins with as many empty lines as stand before it, so that its problems name the right ones. */
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
