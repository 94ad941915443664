/** What a file under commands/ exports: it gives its command options, help and what it does. */
export interface CommandModule {
  define(command: CommandLine): void
  /** The command looks at all the others, so it needs Commander in any case. */
  readonly needsAllCommands?: boolean
}

/**
 * How a command declares its options: the part of Commander that the commands use. A valid command
 * line is read without Commander (`quick-command.ts`), which takes a while to load. Commander answers
 * help and mistakes.
 */
export interface CommandLine {
  option(flags: string, description?: string, defaultValue?: string): this
  option<T>(flags: string, description: string, read: (value: string, before: T) => T, defaultValue?: T): this
  requiredOption(flags: string, description?: string): this
  createOption(flags: string, description?: string): OptionLine
  addOption(option: OptionLine): this
  argument(name: string, description?: string): this
  createArgument(name: string, description?: string): ArgumentLine
  addArgument(argument: ArgumentLine): this
  // biome-ignore lint/suspicious/noExplicitAny: each command has its own arguments and options
  action(run: (...args: any[]) => void | Promise<void>): this
  addHelpText(position: 'after', text: string): this
}

export interface OptionLine {
  choices(values: readonly string[]): this
  default(value: string): this
  hideHelp(): this
}

export interface ArgumentLine {
  choices(values: readonly string[]): this
}

/** Adds `--json`, which every command that prints something has. */
export function withJson<C extends CommandLine>(command: C): C {
  return command.option('--json', 'print JSON')
}

export function withExample<C extends CommandLine>(command: C, ...lines: readonly string[]): C {
  return command.addHelpText('after', `\nExample:\n${lines.map((line) => `  ${line}`).join('\n')}`)
}
