import { globSync, readFileSync } from 'node:fs'
import path from 'node:path'

/** Where the repository begins. */
const root = path.resolve(import.meta.dirname, '../..')

export interface Document {
  /** Within the repository, such as `docs/keys.md`. */
  readonly name: string
  readonly text: string
}

/** Every Markdown file that people read: at the top, in docs/, and beside what it explains. */
export function readDocuments(): readonly Document[] {
  return globSync(['*.md', 'docs/**/*.md', 'src/**/*.md', 'deploy/**/*.md'], { cwd: root })
    .sort()
    .map((name) => ({ name, text: readFileSync(path.join(root, name), 'utf8') }))
}

/** The text of one of them. */
export function readDocument(name: string): string {
  return readFileSync(path.join(root, name), 'utf8')
}
