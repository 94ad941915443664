import { setTimeout as pause } from 'node:timers/promises'
import { systemClock } from '../foundation/clock.ts'
import { CodedError } from '../foundation/errors.ts'
import type { Command } from './command.ts'
import { parseDurationFlag } from './duration-flag.ts'

export interface WaitOptions {
  readonly wait?: string
}

const ASK_EVERY_MS = 100

export function withWait(command: Command, until: string): Command {
  return command.flag('--wait <duration>', `try on, so long at most, ${until}`)
}

/**
 * Repeats a call while the server is unavailable or not ready. After the time of `--wait` it throws
 * the last error.
 */
export async function askUntil<T>(options: WaitOptions, ask: () => Promise<T>): Promise<T> {
  const waitMs = options.wait === undefined ? 0 : parseDurationFlag('--wait', options.wait) * 1000
  const deadlineMs = systemClock.monotonicMs() + waitMs
  for (;;) {
    try {
      return await ask()
    } catch (error) {
      const passing = error instanceof CodedError && error.kind === 'unavailable'
      if (!passing || systemClock.monotonicMs() >= deadlineMs) throw error
    }
    await pause(ASK_EVERY_MS)
  }
}
