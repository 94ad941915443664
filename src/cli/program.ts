import { Command, CommanderError } from 'commander'
import { printable } from '../foundation/printable.ts'
import { version } from '../foundation/version.ts'
import { COMMANDS, type CommandEntry, NOUNS } from './command-catalogue.ts'
import { ExitCode } from './exit-codes.ts'

/** Reads a command line and does what it says. Resolves with the exit code when there is one to set. */
export async function runProgram(
  args: readonly string[],
  wanted: CommandEntry | undefined,
): Promise<number | undefined> {
  try {
    const program = await build(wanted)
    if (args.length === 0) program.outputHelp()
    else await program.parseAsync(args, { from: 'user' })
    return undefined
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    // Commander has said it already; help and version end this way, too.
    return error.exitCode === 0 || error.code === 'commander.help' ? ExitCode.DONE : ExitCode.INVALID
  }
}

/**
 * Only the requested command gets its options. The others are registered by name, for help and
 * suggestions.
 */
async function build(wanted: CommandEntry | undefined): Promise<Command> {
  const program = prepare(new Command('signet'))
    .description('identities for machines: an authority that signs, an agent that serves workloads')
    .version(version, '-V, --version', 'print the version')
  const nouns = new Map<string, Command>()
  for (const entry of COMMANDS) {
    const [noun, verb] = entry.path
    if (verb === undefined) {
      await add(program, noun, entry, wanted)
      continue
    }
    let parent = nouns.get(noun)
    if (!parent) {
      parent = prepare(program.command(noun).description(NOUNS[noun] ?? ''))
      nouns.set(noun, parent)
    }
    await add(parent, verb, entry, wanted)
  }
  return program
}

async function add(
  parent: Command,
  name: string,
  entry: CommandEntry,
  wanted: CommandEntry | undefined,
): Promise<void> {
  const command = prepare(parent.command(name).summary(entry.summary).description(entry.summary))
  if (entry === wanted) (await entry.load()).define(command)
}

function prepare(command: Command): Command {
  return command
    .exitOverride()
    .helpCommand(false)
    .showHelpAfterError('(see --help)')
    .configureOutput({ outputError: (text, write) => write(`${oneOrTwoLines(text)}\n`) })
}

/** Commander quotes what it does not understand; only its own suggestion begins a line. */
function oneOrTwoLines(text: string): string {
  const lines = text
    .trimEnd()
    .replace(/^error: /, 'signet: ')
    .split(/\n(?=\(Did you mean )/)
  return lines.map(printable).join('\n')
}
