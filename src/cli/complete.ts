import type { Command } from './command.ts'
import { COMMANDS, loadCommand, NOUNS } from './command-catalogue.ts'
import { type Flag, type FlagSettings, HELP, VERSION } from './flag.ts'

/** Tells the script of the shell to offer files as well. */
const FILES = ':files'
/** A value of this form is a file or a directory. */
const IS_FILE = /file|dir|path|uri/

/**
 * What may be the last of these words of a command line, which is being typed: one line each. The
 * scripts of all shells ask this, so they offer what the commands say of themselves.
 */
export async function completions(words: readonly string[]): Promise<readonly string[]> {
  const typed = words.at(-1) ?? ''
  const all = words.slice(0, -1)
  const before = all[0] === 'help' ? all.slice(1) : all
  const entry = COMMANDS.find(({ path }) => path.every((word, at) => before[at] === word))
  const found =
    entry === undefined
      ? commandsAfter(before, typed)
      : all[0] === 'help'
        ? []
        : await wordsOf(await loadCommand(entry), before.slice(entry.path.length), typed)
  return found.filter((each) => each === FILES || each.startsWith(typed))
}

function commandsAfter(before: readonly string[], typed: string): readonly string[] {
  const [first, second] = before
  if (first === undefined) {
    if (typed.startsWith('-')) return [HELP.long, VERSION.long]
    return [...new Set(COMMANDS.map(({ path }) => path[0])), 'help']
  }
  if (second !== undefined || !Object.hasOwn(NOUNS, first)) return []
  return COMMANDS.flatMap(({ path: [noun, verb] }) => (noun === first && verb !== undefined ? [verb] : []))
}

async function wordsOf(
  command: Command,
  given: readonly string[],
  typed: string,
): Promise<readonly string[]> {
  const { positionals, flags, waiting } = read(command, given)
  if (waiting !== undefined) return await valuesOf(waiting.spelling, waiting.settings, { positionals, flags })
  if (typed.startsWith('-')) {
    return [...command.flags, HELP]
      .filter((flag) => !flag.settings.isHidden && (flag.settings.isList || !flags.has(flag)))
      .map(({ long }) => long)
  }
  const next = command.positionals[positionals.length]
  return next === undefined ? [] : await valuesOf(next.name, next.settings, { positionals, flags })
}

interface Given {
  readonly positionals: readonly string[]
  readonly flags: ReadonlyMap<Flag, string | undefined>
}

/** What is there already, and the flag whose value is being typed. */
function read(command: Command, words: readonly string[]): Given & { readonly waiting: Flag | undefined } {
  const positionals: string[] = []
  const flags = new Map<Flag, string | undefined>()
  let waiting: Flag | undefined
  for (const word of words) {
    if (waiting !== undefined) {
      flags.set(waiting, word)
      waiting = undefined
      continue
    }
    const [spelling = '', value] = word.split('=', 2)
    const flag = command.flags.find((each) => each.isSpelt(spelling))
    if (flag !== undefined) {
      flags.set(flag, value)
      if (flag.takesValue && value === undefined) waiting = flag
    } else if (!word.startsWith('-')) positionals.push(word)
  }
  return { positionals, flags, waiting }
}

async function valuesOf(
  spelling: string,
  { choices, names }: Pick<FlagSettings, 'choices' | 'names'>,
  { positionals, flags }: Given,
): Promise<readonly string[]> {
  if (choices !== undefined) return choices
  if (names !== undefined) {
    const kind = names === 'of_kind' ? (positionals[0] ?? '') : names
    const socket = [...flags].find(([{ name }]) => name === 'adminSocket')?.[1]
    return await (await import('./known-names.ts')).knownNames(kind, socket)
  }
  return IS_FILE.test(spelling) ? [FILES] : []
}
