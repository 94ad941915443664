export interface FlagSettings {
  readonly isRequired?: true
  /** It may be given again, and its value is the list of all. Any other flag with a value is given once. */
  readonly isList?: true
  readonly choices?: readonly string[]
  readonly default?: string
  /** Shells offer names of this kind; `of_kind`: of the kind that the first word says. */
  readonly names?: string
  /** For programs of ours only: help does not show it. */
  readonly isHidden?: true
}

/** `-f, --filename <file>`, `--check`. */
const SPELLING = /^(?:-(?<short>\w), )?--(?<long>[a-z][a-z-]*)(?<value> <[^>]+>)?$/

/** One flag of a command, as the command describes it. */
export class Flag {
  /** As help shows it. */
  readonly spelling: string
  readonly description: string
  readonly settings: FlagSettings
  /** `--filename`. */
  readonly long: string
  /** `-f`. */
  readonly short: string | undefined
  /** As the command gets it: `dataDir`. */
  readonly name: string
  readonly takesValue: boolean

  constructor(spelling: string, description: string, settings: FlagSettings = {}) {
    const { short, long, value } = SPELLING.exec(spelling)?.groups ?? {}
    if (long === undefined) throw new TypeError(`${spelling} is no spelling of a flag`)
    this.spelling = spelling
    this.description = description
    this.settings = settings
    this.long = `--${long}`
    this.short = short === undefined ? undefined : `-${short}`
    this.name = long.replaceAll(/-(\w)/g, (_, letter: string) => letter.toUpperCase())
    this.takesValue = value !== undefined
  }

  isSpelt(word: string): boolean {
    return word === this.long || word === this.short
  }
}

/** These are flags of every command. */
export const HELP = new Flag('-h, --help', 'display help for command')
export const VERSION = new Flag('-V, --version', 'print the version')
