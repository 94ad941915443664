import { uptime } from 'node:os'

/** Where time comes from. Passed in, so that tests decide what time it is. */
export interface Clock {
  /** The wall clock. */
  now(): Date
  /** Milliseconds on a clock that never jumps; only differences mean something. */
  monotonicMs(): number
  /** The same for a clock that goes on while the host is suspended: what has really passed, whatever the wall clock was set to. */
  bootMs(): number
  /** Calls `task` after `ms` milliseconds of the monotonic clock, unless cancelled. Never keeps the process alive. */
  schedule(ms: number, task: () => void): Scheduled
}

/** A task that waits for its time. */
export interface Scheduled {
  cancel(): void
}

/** setTimeout's ceiling; a longer wait is made of several. */
const MAX_TIMEOUT_MS = 2_147_483_647

export const systemClock: Clock = {
  now: () => new Date(),
  monotonicMs: () => performance.now(),
  bootMs: () => uptime() * 1000, // CLOCK_BOOTTIME
  schedule(ms, task) {
    let timer: NodeJS.Timeout
    const arm = (left: number): void => {
      const step = Math.max(0, Math.min(left, MAX_TIMEOUT_MS))
      timer = setTimeout(() => (left > step ? arm(left - step) : task()), step)
      timer.unref()
    }
    arm(ms)
    return { cancel: () => clearTimeout(timer) }
  },
}
