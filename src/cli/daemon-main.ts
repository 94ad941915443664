import type { CommandModule } from './command.ts'
import { leaveSoon } from './leave-soon.ts'
import { QuickCommand } from './quick-command.ts'
import { sayFailure } from './say-failure.ts'

/** What the program of a daemon does with its command line: help and mistakes it leaves to the program of all commands. */
export function mainOfDaemon(define: CommandModule['define']): (args: readonly string[]) => Promise<void> {
  return async (args) => {
    const command = new QuickCommand()
    define(command)
    const run = command.read(args.slice(2))
    if (run !== undefined) return run()
    const commands = await import('./main.ts')
    return commands.main(args)
  }
}

/** Runs a daemon to its end. What goes wrong is said here; it never rejects. */
export async function sayingWhyNot(run: () => Promise<void>): Promise<void> {
  try {
    await run()
  } catch (error) {
    process.exitCode = sayFailure(error)
    leaveSoon() // who starts a program may not read what it says
  }
}
