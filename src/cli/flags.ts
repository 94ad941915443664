import { parseArgs } from 'node:util'
import type { Command } from 'commander'

/** A flag as help shows it: `-c, --config <file>`, `--check`. Without a description help does not show it. */
export interface Flag {
  readonly flags: string
  readonly description?: string
}

const FLAG = /^(?:-(?<short>\w), )?--(?<long>[a-z-]+)(?<value> <[^>]+>)?$/

export function withFlags(command: Command, flags: readonly Flag[]): Command {
  for (const { flags: text, description } of flags) {
    const option = command.createOption(text, description)
    command.addOption(description === undefined ? option.hideHelp() : option)
  }
  return command
}

/**
 * What the flags say, named as Commander names them; or undefined when it is for Commander to say what they mean: help, a mistake,
 * or anything unusual.
 */
export function readFlags(
  flags: readonly Flag[],
  args: readonly string[],
): Record<string, string | boolean> | undefined {
  const options: Record<string, { type: 'string' | 'boolean'; short?: string }> = {}
  for (const { flags: text } of flags) {
    const { short, long, value } = FLAG.exec(text)?.groups ?? {}
    if (long === undefined) return undefined
    options[long] = { type: value === undefined ? 'boolean' : 'string', ...(short && { short }) }
  }
  try {
    const { values } = parseArgs({ args: [...args], options, strict: true, allowPositionals: false })
    return Object.fromEntries(
      Object.entries(values).map(([name, value]) => [camelCase(name), value as string | boolean]),
    )
  } catch {
    return undefined // Commander finds it again, and says it in its way
  }
}

function camelCase(name: string): string {
  return name.replaceAll(/-(\w)/g, (_, letter: string) => letter.toUpperCase())
}
