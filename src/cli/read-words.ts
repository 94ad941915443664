import { suggestion } from '../foundation/nearest.ts'
import type { Command } from './command.ts'
import { type Flag, HELP, VERSION } from './flag.ts'

/** What a command line asks for, with what the command is given; or what is wrong with it. */
type ParsedWords = 'help' | 'version' | { readonly given: readonly unknown[] } | { readonly mistake: Mistake }

export interface Mistake {
  readonly sentence: string
  /** The word that is not known, and all that are, one of which it may mean. */
  readonly unknown?: { readonly word: string; readonly known: readonly string[] }
}

/**
 * Reads the words after the name of a command by what the command says of itself. Who asks for help gets it,
 * whatever else is wrong.
 */
export function readWords(command: Command, words: readonly string[]): ParsedWords {
  const sorted = sort(command, words)
  if (sorted.values.has(HELP)) return 'help'
  if (sorted.values.has(VERSION)) return 'version'
  const mistake = sorted.mistake ?? mistakeIn(command, sorted)
  if (mistake !== undefined) return { mistake }
  const positionals = command.positionals.map((_, at) => sorted.positionals[at])
  return { given: [...positionals, valuesOf(command, sorted)] }
}

interface Sorted {
  readonly positionals: string[]
  /** Empty text for a flag without a value. */
  readonly values: Map<Flag, string[]>
  /** The first. */
  mistake?: Mistake
}

function sort(command: Command, words: readonly string[]): Sorted {
  const sorted: Sorted = { positionals: [], values: new Map() }
  for (let at = 0; at < words.length; at++) {
    const word = words[at] ?? ''
    if (word === '--') {
      sorted.positionals.push(...words.slice(at + 1))
      break
    }
    if (!looksLikeFlag(word)) {
      sorted.positionals.push(word)
      continue
    }
    if (takesNext(command, sorted, word, words[at + 1])) at++
  }
  return sorted
}

/** Notes a flag, or what is wrong with it; whether the next word is its value. */
function takesNext(command: Command, sorted: Sorted, word: string, next: string | undefined): boolean {
  const [spelling, inline] = split(word)
  const known = [...command.flags, HELP, VERSION]
  const flag = known.find((each) => each.isSpelt(spelling))
  if (flag === undefined) {
    sorted.mistake ??= {
      sentence: `unknown option '${spelling}'`,
      unknown: { word: spelling, known: known.map(({ long }) => long) },
    }
    return false
  }
  if (!flag.takesValue) {
    if (inline === undefined) note(sorted, flag, '')
    else sorted.mistake ??= { sentence: `option '${spelling}' takes no value` }
    return false
  }
  if (inline !== undefined) {
    note(sorted, flag, inline)
    return false
  }
  if (next === undefined || looksLikeFlag(next)) {
    // As likely a forgotten value as one that begins so.
    const write = next === undefined ? '' : `; if it is '${next}', write ${flag.long}=${next}`
    sorted.mistake ??= { sentence: `option '${flag.spelling}' needs a value${write}` }
    return false
  }
  note(sorted, flag, next)
  return true
}

function note({ values }: Sorted, flag: Flag, value: string): void {
  values.set(flag, [...(values.get(flag) ?? []), value])
}

function looksLikeFlag(word: string): boolean {
  return word.startsWith('-') && word !== '-'
}

/** `--config=a` → `--config`, `a`; `-ca` → `-c`, `a`. */
function split(word: string): [string, string | undefined] {
  if (!word.startsWith('--')) return [word.slice(0, 2), word.length > 2 ? word.slice(2) : undefined]
  const end = word.indexOf('=')
  return end < 0 ? [word, undefined] : [word.slice(0, end), word.slice(end + 1)]
}

/** What is wrong with words and flags that are each known. */
function mistakeIn(command: Command, { positionals, values }: Sorted): Mistake | undefined {
  const [surplus] = positionals.slice(command.positionals.length)
  const sentences = [
    ...command.positionals.map(({ name, isRequired, settings }, at) => {
      const word = positionals[at]
      if (word === undefined) return isRequired ? `missing required argument '${name}'` : undefined
      if (word === '') return `argument '${name}' is empty`
      return noChoice(`argument '${name}'`, settings.choices, [word])
    }),
    surplus === undefined ? undefined : `'${surplus}' is one argument too many`,
    ...command.flags.map((flag) => mistakeOf(flag, values.get(flag) ?? [])),
  ]
  const sentence = sentences.find((each) => each !== undefined)
  return sentence === undefined ? undefined : { sentence }
}

function mistakeOf({ spelling, takesValue, settings }: Flag, values: readonly string[]): string | undefined {
  if (values.length === 0) {
    return settings.isRequired ? `required option '${spelling}' not specified` : undefined
  }
  // Most often of a variable that is not set.
  if (takesValue && values.includes('')) return `option '${spelling}' needs a value, not an empty one`
  if (takesValue && !settings.isList && values.length > 1) {
    return `option '${spelling}' is given ${values.length} times: give it once`
  }
  return noChoice(`option '${spelling}'`, settings.choices, values)
}

function noChoice(
  what: string,
  choices: readonly string[] | undefined,
  words: readonly string[],
): string | undefined {
  const wrong = choices && words.find((word) => !choices.includes(word))
  return wrong === undefined
    ? undefined
    : `'${wrong}' is invalid for ${what}: choose one of ${choices?.join(', ')}${suggestion(wrong, choices ?? [])}`
}

function valuesOf(command: Command, { values }: Sorted): Readonly<Record<string, unknown>> {
  const named = command.flags.map((flag) => [flag.name, readValue(flag, values.get(flag) ?? [])] as const)
  return Object.fromEntries(named.filter(([, value]) => value !== undefined))
}

function readValue({ takesValue, settings }: Flag, values: readonly string[]): unknown {
  if (settings.isList) return values
  if (!takesValue) return values.length > 0 || undefined
  return values[0] ?? settings.default
}
