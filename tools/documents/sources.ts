import { globSync, readFileSync } from 'node:fs'
import path from 'node:path'

export interface SourceFile {
  /** Within src/. */
  readonly name: string
  readonly text: string
}

const src = path.resolve(import.meta.dirname, '../../src')

/** What is written by hand in src/, by name. */
export function readSources(): readonly SourceFile[] {
  return globSync('**/*.ts', { cwd: src, exclude: ['rpc/gen/**'] })
    .sort()
    .map((name) => ({ name, text: readFileSync(path.join(src, name), 'utf8') }))
}

/** Which program a file belongs to. */
export function programOf(name: string): string {
  const [folder = ''] = name.split('/')
  return folder === 'authority' || folder === 'agent' || folder === 'cli' ? folder : 'both'
}

/** The first sentence of a doc comment, as text. */
export function firstSentence(comment: string): string {
  const text = comment
    .replaceAll(/^\s*\*+ ?/gm, '')
    .replaceAll(/\s+/g, ' ')
    .trim()
  return (/^.*?[.](?= |$)/.exec(text)?.[0] ?? text).replace(/ \(decision \d+\)/, '')
}
