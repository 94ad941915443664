/** Draws a terminal with text as SVG. */

const COLUMN = 8
const ROW = 19
const MARGIN = 16

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' }

export function drawTerminal(title: string, text: string): string {
  const lines = text.split('\n')
  const width = 2 * MARGIN + COLUMN * Math.max(...lines.map(({ length }) => length))
  const height = 2 * MARGIN + ROW * lines.length
  const rows = lines.map((line, at) => {
    const style = /^\S/.test(line) ? ' class="heading"' : ''
    return `  <text${style} x="${MARGIN}" y="${MARGIN + ROW * (at + 0.75)}">${toMarkup(line)}</text>`
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img">
  <title>${toMarkup(title)}</title>
  <style>
    text { font: 13px ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; fill: #c9d1d9; white-space: pre }
    .heading { fill: #7ee787 }
  </style>
  <rect width="100%" height="100%" rx="8" fill="#0d1117"/>
${rows.join('\n')}
</svg>
`
}

/** Returns the text of a drawn picture. */
export function textOf(picture: string): string {
  const lines = Array.from(picture.matchAll(/<text[^>]*>(.*)<\/text>/g), ([, line = '']) => fromMarkup(line))
  return lines.join('\n')
}

const toMarkup = (text: string): string => text.replaceAll(/[&<>]/g, (character) => ENTITIES[character] ?? '')

const fromMarkup = (text: string): string =>
  text.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&')
