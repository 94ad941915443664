import { globSync, readFileSync } from 'node:fs'
import path from 'node:path'

export interface SourceFile {
  /** Path in src/. */
  readonly name: string
  readonly text: string
}

const src = path.resolve(import.meta.dirname, '../../src')

/** Reads all files of src/ that are not generated, sorted by name. */
export function readSources(): readonly SourceFile[] {
  return globSync('**/*.ts', { cwd: src, exclude: ['rpc/gen/**'] })
    .sort()
    .map((name) => ({ name, text: readFileSync(path.join(src, name), 'utf8') }))
}

/** Returns the program that a file belongs to. */
export function programOf(name: string): string {
  const [folder = ''] = name.split('/')
  return folder === 'authority' || folder === 'agent' || folder === 'cli' ? folder : 'both'
}

/** Returns the first sentence of a doc comment. */
export function firstSentence(comment: string): string {
  const text = comment
    .replaceAll(/^\s*\*+ ?/gm, '')
    .replaceAll(/\s+/g, ' ')
    .trim()
  return (/^.*?[.](?= |$)/.exec(text)?.[0] ?? text).replace(/ \(decision \d+\)/, '')
}
