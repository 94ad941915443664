import { closeSync, openSync } from 'node:fs'
import type { Logger } from '../foundation/logger.ts'

/** Ctrl-C a second time: the program has been asked politely before. */
const ENDED_BY_SECOND_SIGNAL = 130

/**
 * What signals do to a program that runs until it is told to end. Taken before anything else happens, because their default is to end
 * the process at once, or to open Node's debugger (SIGUSR1) to every user of the machine.
 *
 * SIGINT, SIGTERM and SIGQUIT end the program: the first lets it finish, a second does not. SIGHUP ends it when its terminal has gone;
 * else it is logged, and the program goes on. SIGUSR1 and SIGUSR2 do nothing.
 */
export class DaemonSignals {
  readonly #asked = Promise.withResolvers<string>()
  readonly #hasTerminal: boolean
  #hangups = 0
  #onHangup: (() => void) | undefined
  #signals = 0

  constructor(hasTerminal = process.stdin.isTTY === true || process.stderr.isTTY === true) {
    this.#hasTerminal = hasTerminal
    const end = (signal: NodeJS.Signals): void => this.#end(signal)
    process.on('SIGINT', end).on('SIGTERM', end).on('SIGQUIT', end)
    process.on('SIGHUP', () => this.#hangUp())
    process.on('SIGUSR1', ignore).on('SIGUSR2', ignore)
  }

  /** Resolves with the reason once the program is to end. */
  get asked(): Promise<string> {
    return this.#asked.promise
  }

  /** Asks for the end for a reason that is no signal. */
  ask(reason: string): void {
    this.#asked.resolve(reason)
  }

  /** Says each SIGHUP, those before included. */
  logHangups(logger: Logger): void {
    this.#onHangup = () => {
      logger.info(
        { event: 'program.hangup' },
        'SIGHUP changes nothing: the configuration is read only at start',
      )
    }
    if (this.#hangups > 0) this.#onHangup()
  }

  #end(signal: string): void {
    this.#signals += 1
    if (this.#signals > 1) process.exit(ENDED_BY_SECOND_SIGNAL)
    this.#asked.resolve(signal)
  }

  #hangUp(): void {
    if (this.#hasTerminal && !terminalIsThere()) {
      this.#asked.resolve('SIGHUP, the terminal has gone')
      return
    }
    this.#hangups += 1
    this.#onHangup?.()
  }
}

/** A process whose terminal was closed has no controlling terminal any more. */
function terminalIsThere(): boolean {
  try {
    closeSync(openSync('/dev/tty', 'r'))
    return true
  } catch {
    return false // ENXIO: it has gone
  }
}

function ignore(): void {}
