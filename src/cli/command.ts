import { Flag, type FlagSettings } from './flag.ts'

/** One command of the catalogue, before its code is loaded. */
export interface CommandEntry {
  readonly path: readonly [string] | readonly [string, string]
  readonly summary: string
  readonly load: () => Promise<CommandModule>
}

/** What a file under commands/ exports: it says which flags and words its command takes, and what it does. */
interface CommandModule {
  define(command: Command, all: readonly CommandEntry[]): void
}

type PositionalSettings = Pick<FlagSettings, 'choices' | 'names'>

/** A word that a command takes without a flag, in the order in which it was described. */
interface Positional {
  readonly name: string
  readonly description: string
  readonly isRequired: boolean
  readonly settings: PositionalSettings
}

/** `<name>` must be given, `[name]` may be. */
const POSITIONAL = /^(?:<(?<required>[\w-]+)>|\[(?<optional>[\w-]+)\])$/

type Run = (...given: unknown[]) => void | Promise<void>

/**
 * What a command says of itself, once: `read-words.ts` reads a command line by it, `help.ts` prints it, and
 * the documents are checked against it.
 */
export class Command {
  /** As it is called: `svid fetch`. */
  readonly name: string
  readonly summary: string
  readonly flags: Flag[] = []
  readonly positionals: Positional[] = []
  readonly notes: string[] = []
  readonly examples: string[] = []
  #run: Run | undefined

  constructor(name: string, summary: string) {
    this.name = name
    this.summary = summary
  }

  /** `-f, --filename <file>`, or `--check`, which takes no value. */
  flag(spelling: string, description: string, settings?: FlagSettings): this {
    this.flags.push(new Flag(spelling, description, settings))
    return this
  }

  positional(spelling: string, description = '', settings: PositionalSettings = {}): this {
    const { required, optional } = POSITIONAL.exec(spelling)?.groups ?? {}
    const name = required ?? optional
    if (name === undefined) throw new TypeError(`${spelling} is neither <name> nor [name]`)
    this.positionals.push({ name, description, isRequired: required !== undefined, settings })
    return this
  }

  /** A paragraph that help shows after the flags. */
  note(paragraph: string): this {
    this.notes.push(paragraph)
    return this
  }

  example(...lines: readonly string[]): this {
    this.examples.push(...lines)
    return this
  }

  /** Called with each positional, and then with the flags by their names. */
  // biome-ignore lint/suspicious/noExplicitAny: each command has its own words and flags
  action(run: (...given: any[]) => void | Promise<void>): this {
    this.#run = run
    return this
  }

  run(given: readonly unknown[]): void | Promise<void> {
    return this.#run?.(...given)
  }
}

/** Adds `--json`, which every command that prints something has. */
export function withJson(command: Command): Command {
  return command.flag('--json', 'print JSON')
}
