import { Command } from './command.ts'
import { leaveSoon } from './leave-soon.ts'
import { readWords } from './read-words.ts'
import { sayFailure } from './say-failure.ts'

/** Runs a daemon to its end. Prints an error and sets the exit code; never rejects. */
type Start<Options> = (options: Options) => Promise<void>

/**
 * The main function of a daemon's program. It returns false, and has done nothing, if the command line asks
 * for help or has a mistake: the program of all commands answers that.
 */
type Main = (words: readonly string[]) => Promise<boolean>

export function daemonMain<Options>(withFlags: (command: Command) => Command, start: Start<Options>): Main {
  return async (words) => {
    const asked = readWords(withFlags(new Command('', '')), words.slice(2))
    if (typeof asked === 'string' || 'mistake' in asked) return false
    const [options] = asked.given
    await start(options as Options)
    return true
  }
}

export function printingFailure<Options>(run: Start<Options>): Start<Options> {
  return async (options) => {
    try {
      await run(options)
    } catch (error) {
      process.exitCode = sayFailure(error)
      leaveSoon() // who starts a program may not read what it says
    }
  }
}
