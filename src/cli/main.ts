import { Command, CommanderError } from 'commander'
import { CodedError, messageOf } from '../foundation/errors.ts'
import { version } from '../foundation/version.ts'
import { COMMANDS, type CommandEntry, NOUNS } from './catalogue.ts'
import { ExitCode, exitCodeOf } from './exit-codes.ts'
import { warn } from './output.ts'

/** The program. Ends by setting the exit code. */
export async function main(args: readonly string[]): Promise<void> {
  endQuietlyWithoutReader()
  try {
    const program = await build(args)
    if (args.length === 0) {
      program.outputHelp()
      return
    }
    await program.parseAsync(args, { from: 'user' })
  } catch (error) {
    process.exitCode = failed(error)
  }
}

/** Only the command that was asked for has its options; the others are there with their names, for help and for suggestions. */
async function build(args: readonly string[]): Promise<Command> {
  const program = prepare(new Command('signet'))
    .description('identities for machines: an authority that signs, an agent that serves workloads')
    .version(version, '-V, --version', 'print the version')
  const wanted = COMMANDS.find(({ path }) => path.every((word, index) => args[index] === word))
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
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, 'signet: ')) })
}

/** Says what went wrong, once, and gives the exit code. */
function failed(error: unknown): number {
  if (error instanceof CommanderError) {
    // Commander has said it already; help and version end this way, too.
    return error.exitCode === 0 || error.code === 'commander.help' ? ExitCode.DONE : ExitCode.INVALID
  }
  if (error instanceof CodedError) {
    for (const line of error.message.split('\n')) warn(`signet: ${line}`)
  } else {
    const where = error instanceof Error && error.stack ? error.stack : messageOf(error)
    warn(`signet: this is a defect of signet, please report it:\n${where}`)
  }
  return exitCodeOf(error)
}

/** `signet … | head` closes our stdout: that is an end, not a failure. */
function endQuietlyWithoutReader(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit()
    throw error
  })
}
