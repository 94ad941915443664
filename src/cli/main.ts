import { CodedError, messageOf } from '../foundation/errors.ts'
import { COMMANDS, type CommandEntry } from './command-catalogue.ts'
import { exitCodeOf } from './exit-codes.ts'
import { leaveSoon } from './leave-soon.ts'
import { warn } from './output.ts'
import { QuickCommand } from './quick-command.ts'

/** The program. Ends by setting the exit code. */
export async function main(args: readonly string[]): Promise<void> {
  endQuietlyWithoutReader()
  const wanted = COMMANDS.find(({ path }) => path.every((word, index) => args[index] === word))
  try {
    if (wanted && (await ranQuickly(wanted, args))) return
    const { runProgram } = await import('./program.ts')
    const code = await runProgram(args, wanted)
    if (code !== undefined) process.exitCode = code
  } catch (error) {
    process.exitCode = failed(error)
    if (wanted?.path[1] === 'run') leaveSoon() // who starts a program may not read what it says
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

/** Prints an error and returns its exit code. */
function failed(error: unknown): number {
  if (error instanceof CodedError) {
    for (const line of error.lines ?? [error.message]) warn(`signet: ${line}`)
  } else {
    warn(`signet: this is a defect of signet, please report it: ${messageOf(error)}`)
    const stack = error instanceof Error ? (error.stack ?? '') : ''
    for (const frame of stack.split('\n').filter((line) => /^ +at /.test(line))) warn(frame)
  }
  return exitCodeOf(error)
}

/** `signet … | head` closes our stdout, which is not a failure. */
function endQuietlyWithoutReader(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit()
    throw error
  })
}
