import { createRequire } from 'node:module'
import path from 'node:path'
import type * as Yaml from 'yaml'

/** Far more than a trust domain publishes, and small enough that agents can hold many of them. */
export const MAX_BUNDLE_BYTES = 256 * 1024

/** `spec.bundle: { path: FILE }` of a federation, and its position in the text. */
interface BundleFile {
  readonly path: string
  readonly line: number
  readonly start: number
  readonly end: number
}

/**
 * Finds the files that the federations of a text name. The client that sends the text reads them:
 * the authority never opens a file that a client names. Relative paths are relative to `directory`.
 */
export function findBundleFiles(text: string, directory: string): readonly BundleFile[] {
  if (!/\bfederation\b/.test(text) || !/\bpath\b/.test(text)) return []
  // Loaded only here, because most texts name no file and the command needs no YAML parser otherwise.
  const { isMap, isSeq, LineCounter, parseAllDocuments } = createRequire(import.meta.url)(
    'yaml',
  ) as typeof Yaml
  const lines = new LineCounter()
  const parsed = parseAllDocuments(text, { lineCounter: lines, prettyErrors: false, version: '1.2' })
  const resources = (Array.isArray(parsed) ? parsed : []).flatMap(({ errors, contents }) =>
    errors.length > 0 ? [] : isSeq(contents) ? contents.items : [contents],
  )
  return resources.flatMap((resource) => {
    if (!isMap(resource)) return []
    const bundle = resource.getIn(['spec', 'bundle'], true)
    if (resource.getIn(['kind']) !== 'federation' || !isMap(bundle) || bundle.items.length !== 1) return []
    const named = bundle.get('path')
    if (typeof named !== 'string' || !bundle.range) return []
    const [start, end] = bundle.range
    return [{ path: path.resolve(directory, named), line: lines.linePos(start).line, start, end }]
  })
}

/** Replaces each file reference with the content of the file. Every other line keeps its line number. */
export function putBundleFiles(
  text: string,
  files: readonly BundleFile[],
  contents: readonly string[],
): string {
  let put = ''
  let from = 0
  for (const [index, { start, end }] of files.entries()) {
    const lineEnds = text.slice(start, end).split('\n').length - 1
    // A JSON string is a YAML string.
    put += text.slice(from, start) + JSON.stringify(contents[index] ?? '') + '\n'.repeat(lineEnds)
    from = end
  }
  return put + text.slice(from)
}
