/** Markdown tables, and the blocks of documents between markers. */

/** Formats text as code; an empty text stays empty. */
export const code = (text: string): string => (text === '' ? '' : `\`${text}\``)

export function formatTable(heading: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.map(cell).join(' | ')} |`
  return [line(heading), line(heading.map(() => '---')), ...rows.map(line)].join('\n')
}

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll(/\s*\n\s*/g, ' ')

const BLOCK = /<!-- generated:([\w./:-]+) -->\n[\s\S]*?<!-- \/generated -->/g

/**
 * Replaces the blocks between markers in all documents with `contents`, by name of the block. Each
 * name must have exactly one marker in all documents together, and each marker must have a known
 * name.
 */
export function fillBlocks(
  documents: ReadonlyMap<string, string>,
  contents: ReadonlyMap<string, string>,
): ReadonlyMap<string, string> {
  const texts = [...documents.values()]
  const found = texts.flatMap((text) => Array.from(text.matchAll(BLOCK), ([, name = '']) => name))
  const openings = texts.flatMap((text) => text.match(/^<!-- generated:/gm) ?? []).length
  const wrong = [
    ...(openings === found.length ? [] : ['a marker that is not closed']),
    ...[...contents.keys()].filter((name) => !found.includes(name)).map((name) => `no marker for ${name}`),
    ...found.filter((name) => !contents.has(name)).map((name) => `unknown marker ${name}`),
    ...found.filter((name, at) => found.indexOf(name) !== at).map((name) => `two markers for ${name}`),
  ]
  if (wrong.length > 0) throw new Error(wrong.join(', '))
  const fill = (text: string): string =>
    text.replaceAll(
      BLOCK,
      (_block, name: string) => `<!-- generated:${name} -->\n${contents.get(name)}\n<!-- /generated -->`,
    )
  return new Map(Array.from(documents, ([name, text]) => [name, fill(text)]))
}
