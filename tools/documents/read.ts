import { globSync, readFileSync } from 'node:fs'
import path from 'node:path'

/** The root of the repository. */
const root = path.resolve(import.meta.dirname, '../..')

export interface Document {
  /** Path in the repository, such as `docs/keys.md`. */
  readonly name: string
  readonly text: string
}

/** Reads all Markdown files for people: at the top, in docs/, and beside code and examples. */
export function readDocuments(): readonly Document[] {
  return globSync(['*.md', 'docs/**/*.md', 'src/**/*.md', 'deploy/**/*.md'], { cwd: root })
    .sort()
    .map((name) => ({ name, text: readFileSync(path.join(root, name), 'utf8') }))
}

/** Reads one file. */
export function readDocument(name: string): string {
  return readFileSync(path.join(root, name), 'utf8')
}
