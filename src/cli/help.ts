import type { Command } from './command.ts'
import { COMMANDS, NOUNS } from './command-catalogue.ts'
import { type Flag, type FlagSettings, HELP, VERSION } from './flag.ts'

type Term = readonly [term: string, description: string]

const USUAL_WIDTH = 80
/** A narrower column of descriptions is not wrapped. */
const MIN_DESCRIPTION = 40

/** What `signet --help` says. */
export function programHelp(width?: number): string {
  const first = new Set(COMMANDS.map(({ path }) => path[0]))
  const terms = [...first].map((word): Term => {
    const alone = COMMANDS.find(({ path }) => path.length === 1 && path[0] === word)
    return [word, alone?.summary ?? NOUNS[word] ?? '']
  })
  return format({
    usage: 'signet [options] [command]',
    summary: 'identities for machines: an authority that signs, an agent that serves workloads',
    lists: { Options: [VERSION, HELP].map(termOf), Commands: terms },
    width,
  })
}

/** What `signet svid --help` says. */
export function nounHelp(noun: string, width?: number): string {
  const terms = COMMANDS.flatMap(({ path, summary }): Term[] =>
    path[0] === noun && path[1] !== undefined ? [[path[1], summary]] : [],
  )
  return format({
    usage: `signet ${noun} [options] [command]`,
    summary: NOUNS[noun] ?? '',
    lists: { Options: [termOf(HELP)], Commands: terms },
    width,
  })
}

export function commandHelp({ name, summary, ...command }: Command, width?: number): string {
  const words = command.positionals.map(({ name, isRequired }) => (isRequired ? `<${name}>` : `[${name}]`))
  const positionals = command.positionals
    .filter(({ description, settings }) => description !== '' || settings.choices !== undefined)
    .map(({ name, description, settings }): Term => [name, described(description, settings)])
  const flags = [...command.flags, HELP].filter(({ settings }) => settings.isHidden === undefined).map(termOf)
  return format({
    usage: ['signet', name, '[options]', ...words].join(' '),
    summary,
    lists: { Arguments: positionals, Options: flags },
    notes: command.notes,
    examples: command.examples,
    width,
  })
}

function termOf({ spelling, description, settings }: Flag): Term {
  return [spelling, described(description, settings)]
}

/** With what the settings of the flag say, too. */
function described(
  description: string,
  settings: Pick<FlagSettings, 'choices' | 'default' | 'isList'>,
): string {
  const quote = (text: string): string => JSON.stringify(text)
  const facts = [
    ...(settings.isList ? ['may be repeated'] : []),
    ...(settings.choices ? [`choices: ${settings.choices.map(quote).join(', ')}`] : []),
    ...(settings.default === undefined ? [] : [`default: ${quote(settings.default)}`]),
  ]
  return [description, ...(facts.length === 0 ? [] : [`(${facts.join(', ')})`])].join(' ').trim()
}

interface Page {
  readonly usage: string
  readonly summary: string
  readonly lists: Readonly<Record<string, readonly Term[]>>
  readonly notes?: readonly string[]
  readonly examples?: readonly string[]
  readonly width: number | undefined
}

function format({ usage, summary, lists, notes = [], examples = [], width = USUAL_WIDTH }: Page): string {
  const column = Math.max(...Object.values(lists).flatMap((terms) => terms.map(([term]) => term.length))) + 4
  const sections = Object.entries(lists)
    .filter(([, terms]) => terms.length > 0)
    .map(([title, terms]) =>
      [`${title}:`, ...terms.map((term) => formatTerm(term, column, width - column))].join('\n'),
    )
  const paragraphs = [summary, ...notes].map((text) => wrap(text, width).join('\n'))
  const shown = examples.length === 0 ? [] : [['Example:', ...examples.map((line) => `  ${line}`)].join('\n')]
  return [`Usage: ${usage}`, paragraphs[0], ...sections, ...paragraphs.slice(1), ...shown].join('\n\n')
}

function formatTerm([term, description]: Term, column: number, width: number): string {
  const lines = width < MIN_DESCRIPTION ? [description] : wrap(description, width)
  return `  ${term}`
    .padEnd(column)
    .concat(lines.join(`\n${' '.repeat(column)}`))
    .trimEnd()
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = []
  for (const word of text.split(' ')) {
    const last = lines.at(-1)
    if (last !== undefined && last.length + 1 + word.length <= width) lines.push(`${lines.pop()} ${word}`)
    else lines.push(word)
  }
  return lines
}
