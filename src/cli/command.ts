import type { Command } from 'commander'
import type { Flag } from './flags.ts'

/** What a file under commands/ exports: it gives its command options, help and what it does. */
export interface CommandModule {
  define(command: Command): void
  /** Of a command whose start must be quick: what it needs to run without the library that reads command lines. */
  readonly quick?: {
    readonly flags: readonly Flag[]
    run(options: Readonly<Record<string, string | boolean>>): Promise<void>
  }
}

/** Adds `--json`, which every command that prints something has. */
export function withJson(command: Command): Command {
  return command.option('--json', 'print JSON')
}

export function withExample(command: Command, ...lines: readonly string[]): Command {
  return command.addHelpText('after', `\nExample:\n${lines.map((line) => `  ${line}`).join('\n')}`)
}
