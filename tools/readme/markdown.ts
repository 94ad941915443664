/** Markdown tables, and the blocks of a document that are between markers. */

/** Code in a cell; nothing for nothing. */
export const code = (text: string): string => (text === '' ? '' : `\`${text}\``)

export function formatTable(heading: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.map(cell).join(' | ')} |`
  return [line(heading), line(heading.map(() => '---')), ...rows.map(line)].join('\n')
}

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll(/\s*\n\s*/g, ' ')

const BLOCK = /<!-- generated:([\w./:-]+) -->\n[\s\S]*?<!-- \/generated -->/g

/** Puts what `contents` says between the markers. Every name must be there once, and every marker have a name that is known. */
export function fillBlocks(document: string, contents: ReadonlyMap<string, string>): string {
  const found = [...document.matchAll(BLOCK)].map(([, name = '']) => name)
  const openings = document.match(/<!-- generated:/g)?.length ?? 0
  const wrong = [
    ...(openings === found.length ? [] : ['a marker that is not closed']),
    ...[...contents.keys()].filter((name) => !found.includes(name)).map((name) => `no marker for ${name}`),
    ...found.filter((name) => !contents.has(name)).map((name) => `unknown marker ${name}`),
    ...found.filter((name, at) => found.indexOf(name) !== at).map((name) => `two markers for ${name}`),
  ]
  if (wrong.length > 0) throw new Error(wrong.join(', '))
  return document.replaceAll(
    BLOCK,
    (_block, name: string) => `<!-- generated:${name} -->\n${contents.get(name)}\n<!-- /generated -->`,
  )
}
