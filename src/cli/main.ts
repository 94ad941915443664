import { COMMANDS, type CommandEntry } from './command-catalogue.ts'
import { QuickCommand } from './quick-command.ts'
import { sayFailure } from './say-failure.ts'

/** The program of all commands. Ends by setting the exit code. */
export async function main(args: readonly string[]): Promise<void> {
  endQuietlyWithoutReader()
  const wanted = COMMANDS.find(({ path }) => path.every((word, index) => args[index] === word))
  try {
    if (wanted && (await ranQuickly(wanted, args))) return
    const { runProgram } = await import('./program.ts')
    const code = await runProgram(args, wanted)
    if (code !== undefined) process.exitCode = code
  } catch (error) {
    process.exitCode = sayFailure(error)
  }
}

/** Runs a command without Commander, when these words are as they should be. */
async function ranQuickly({ path, load }: CommandEntry, words: readonly string[]): Promise<boolean> {
  const { define, needsAllCommands } = await load()
  if (needsAllCommands) return false
  const command = new QuickCommand()
  define(command)
  const run = command.read(words.slice(path.length))
  await run?.()
  return run !== undefined
}

/** `signet … | head` closes our stdout: that is an end, not a failure. */
function endQuietlyWithoutReader(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit()
    throw error
  })
}
