import { closeSync, openSync } from 'node:fs'
import { isatty } from 'node:tty'

/** The exit code after a second signal; the first one asks for a clean end. */
const ENDED_BY_SECOND_SIGNAL = 130

/**
 * Handles the signals of a daemon. Create it first of all: by default signals end the process, or
 * open Node's debugger to every local user (SIGUSR1).
 *
 * SIGINT, SIGTERM and SIGQUIT end the program: the first one cleanly, a second one immediately.
 * SIGHUP ends it when its terminal is gone; otherwise the configuration is read again. SIGUSR1 and
 * SIGUSR2 do nothing.
 */
export class DaemonSignals {
  readonly #asked = Promise.withResolvers<string>()
  readonly #hasTerminal: boolean
  #hangups = 0
  #onHangup: (() => void) | undefined
  #signals = 0

  constructor(hasTerminal = isatty(0) || isatty(2)) {
    this.#hasTerminal = hasTerminal
    const end = (signal: NodeJS.Signals): void => this.#end(signal)
    process.on('SIGINT', end).on('SIGTERM', end).on('SIGQUIT', end)
    process.on('SIGHUP', () => this.#hangUp())
    process.on('SIGUSR1', ignore).on('SIGUSR2', ignore)
  }

  /** Resolves with the reason when the program must end. */
  get asked(): Promise<string> {
    return this.#asked.promise
  }

  /** Requests the end for a reason other than a signal. */
  ask(reason: string): void {
    this.#asked.resolve(reason)
  }

  /** Calls `listener` for each SIGHUP. Those that came before count as one. */
  onHangup(listener: () => void): void {
    this.#onHangup = listener
    if (this.#hangups > 0) listener()
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

/** A process whose terminal was closed has no controlling terminal. */
function terminalIsThere(): boolean {
  try {
    closeSync(openSync('/dev/tty', 'r'))
    return true
  } catch {
    return false // ENXIO: it is gone
  }
}

function ignore(): void {}
