import { createRequire } from 'node:module'
import path from 'node:path'
import type * as Yaml from 'yaml'

/** Far above what a trust domain publishes; a list of many of them still fits into what agents keep. */
export const MAX_BUNDLE_BYTES = 256 * 1024

/** `spec.bundle: { path: FILE }` of a federation, and where in the text it stands. */
export interface BundleFile {
  readonly path: string
  readonly line: number
  readonly start: number
  readonly end: number
}

/**
 * The files that the federations of a text name. Whoever sends the text reads them: the authority opens no file because
 * somebody names it. Relative paths are relative to `directory`.
 */
export function findBundleFiles(text: string, directory: string): readonly BundleFile[] {
  if (!/\bfederation\b/.test(text) || !/\bpath\b/.test(text)) return []
  // Most texts name none, and a command that sends them waits for nothing else.
  const { isMap, LineCounter, parseAllDocuments } = createRequire(import.meta.url)('yaml') as typeof Yaml
  const lines = new LineCounter()
  const parsed = parseAllDocuments(text, { lineCounter: lines, prettyErrors: false, version: '1.2' })
  return (Array.isArray(parsed) ? parsed : []).flatMap((document) => {
    if (document.errors.length > 0 || !isMap(document.contents)) return []
    const bundle = document.getIn(['spec', 'bundle'], true)
    if (document.get('kind') !== 'federation' || !isMap(bundle) || bundle.items.length !== 1) return []
    const named = bundle.get('path')
    if (typeof named !== 'string' || !bundle.range) return []
    const [start, end] = bundle.range
    return [{ path: path.resolve(directory, named), line: lines.linePos(start).line, start, end }]
  })
}

/** The text with the contents of the files in their places, every other line where it was. */
export function putBundleFiles(
  text: string,
  files: readonly BundleFile[],
  contents: readonly string[],
): string {
  let put = ''
  let from = 0
  for (const [index, { start, end }] of files.entries()) {
    const lineEnds = text.slice(start, end).split('\n').length - 1
    // A text in JSON is one in YAML.
    put += text.slice(from, start) + JSON.stringify(contents[index] ?? '') + '\n'.repeat(lineEnds)
    from = end
  }
  return put + text.slice(from)
}
