import type { ArgumentLine, CommandLine, OptionLine } from './command.ts'

/** `-f, --filename <file>`, `--json`; what a command writes otherwise is left to Commander. */
const FLAG = /^(?:-(?<short>\w), )?--(?<long>[a-z][a-z-]*)(?<value> <[^>]+>)?$/
const ARGUMENT = /^(?:<(?<required>[^>.]+)>|\[[^\].]+\])$/

type Run = (...args: unknown[]) => void | Promise<void>
type Read = (value: string, before: unknown) => unknown

/** Takes what a command says of itself and reads a command line by it, as Commander would. */
export class QuickCommand implements CommandLine {
  readonly #options: QuickOption[] = []
  readonly #arguments: QuickArgument[] = []
  #run: Run | undefined

  option(flags: string, _description?: string, read?: unknown, defaultValue?: unknown): this {
    const option = new QuickOption(flags)
    if (typeof read === 'function') option.read = read as Read
    option.defaultValue = typeof read === 'function' ? defaultValue : read
    this.#options.push(option)
    return this
  }

  requiredOption(flags: string): this {
    const option = new QuickOption(flags)
    option.isRequired = true
    this.#options.push(option)
    return this
  }

  createOption(flags: string): QuickOption {
    return new QuickOption(flags)
  }

  addOption(option: OptionLine): this {
    if (option instanceof QuickOption) this.#options.push(option)
    return this
  }

  argument(name: string): this {
    return this.addArgument(this.createArgument(name))
  }

  createArgument(name: string): QuickArgument {
    return new QuickArgument(name)
  }

  addArgument(argument: ArgumentLine): this {
    if (argument instanceof QuickArgument) this.#arguments.push(argument)
    return this
  }

  action(run: Run): this {
    this.#run = run
    return this
  }

  addHelpText(): this {
    return this
  }

  /**
   * The call to make; undefined when Commander has to interpret the words: help, a mistake, or
   * anything unusual.
   */
  read(words: readonly string[]): (() => void | Promise<void>) | undefined {
    const run = this.#run
    const given = this.#sort(words)
    if (run === undefined || given === undefined) return undefined
    const positionals = this.#arguments.map((argument, n) => argument.take(given.positionals[n]))
    if (given.positionals.length > positionals.length || positionals.includes(INVALID)) return undefined
    const options: Record<string, unknown> = {}
    for (const option of this.#options) {
      const value = option.take(given.values.get(option) ?? [])
      if (value === INVALID) return undefined
      if (value !== undefined) options[option.name] = value
    }
    return () => run(...positionals, options)
  }

  #sort(words: readonly string[]): Sorted | undefined {
    const positionals: string[] = []
    const values = new Map<QuickOption, string[]>()
    for (let at = 0; at < words.length; at++) {
      const word = words[at] ?? ''
      if (!word.startsWith('-') || word === '-') {
        positionals.push(word)
        continue
      }
      const [flag, inline] = splitFlag(word)
      const option = this.#options.find(({ flags }) => flags.includes(flag))
      if (option === undefined) return undefined
      let value = inline
      if (option.takesValue) value ??= words[++at]
      else if (inline !== undefined) return undefined
      else value = ''
      // A value that looks like a flag is as likely a forgotten value: Commander decides.
      if (value === undefined || (inline === undefined && /^-./.test(value))) return undefined
      values.set(option, [...(values.get(option) ?? []), value])
    }
    return { positionals, values }
  }
}

interface Sorted {
  readonly positionals: readonly string[]
  readonly values: ReadonlyMap<QuickOption, readonly string[]>
}

/** Nothing that a command line could say. */
const INVALID = Symbol('invalid')

/** `--config=a` → `--config`, `a`; `-ca` → `-c`, `a`. */
function splitFlag(word: string): [string, string | undefined] {
  if (!word.startsWith('--')) return [word.slice(0, 2), word.length > 2 ? word.slice(2) : undefined]
  const end = word.indexOf('=')
  return end < 0 ? [word, undefined] : [word.slice(0, end), word.slice(end + 1)]
}

class QuickOption implements OptionLine {
  /** As Commander names it: `dataDir`. */
  readonly name: string
  readonly flags: readonly string[]
  readonly takesValue: boolean
  isRequired = false
  defaultValue: unknown
  read: Read | undefined
  #choices: readonly string[] | undefined

  constructor(flags: string) {
    const { short, long, value } = FLAG.exec(flags)?.groups ?? {}
    this.name = (long ?? '').replaceAll(/-(\w)/g, (_, letter: string) => letter.toUpperCase())
    this.flags = long === undefined ? [] : [`--${long}`, ...(short === undefined ? [] : [`-${short}`])]
    this.takesValue = value !== undefined
  }

  choices(values: readonly string[]): this {
    this.#choices = values
    return this
  }

  default(value: string): this {
    this.defaultValue = value
    return this
  }

  hideHelp(): this {
    return this
  }

  /** Of one that is given twice the last counts, unless it collects. */
  take(values: readonly string[]): unknown {
    if (values.length === 0) return this.isRequired ? INVALID : this.defaultValue
    if (this.#choices !== undefined && !values.every((value) => this.#choices?.includes(value)))
      return INVALID
    if (!this.takesValue) return true
    const { read } = this
    return read ? values.reduce((before, value) => read(value, before), this.defaultValue) : values.at(-1)
  }
}

class QuickArgument implements ArgumentLine {
  readonly #isRequired: boolean
  #choices: readonly string[] | undefined

  constructor(name: string) {
    const found = ARGUMENT.exec(name)
    this.#isRequired = found?.groups?.['required'] !== undefined
    if (found === null) this.#choices = [] // several words: for Commander
  }

  choices(values: readonly string[]): this {
    this.#choices = values
    return this
  }

  take(value: string | undefined): unknown {
    if (value === undefined) return this.#isRequired ? INVALID : undefined
    return this.#choices === undefined || this.#choices.includes(value) ? value : INVALID
  }
}
