import type { CommandLine } from './command.ts'

/** A flag as help shows it: `-c, --config <file>`, `--check`. Without a description help does not show it. */
export interface Flag {
  readonly flags: string
  readonly description?: string
}

export function withFlags<C extends CommandLine>(command: C, flags: readonly Flag[]): C {
  for (const { flags: text, description } of flags) {
    const option = command.createOption(text, description)
    command.addOption(description === undefined ? option.hideHelp() : option)
  }
  return command
}
