/** Where time comes from. Passed in, so that tests decide what time it is. */
export interface Clock {
  /** The wall clock. */
  now(): Date
  /** Milliseconds on a clock that never jumps; only differences mean something. */
  monotonicMs(): number
  /** Calls `task` after `ms` milliseconds of the monotonic clock, unless cancelled. Never keeps the process alive. */
  schedule(ms: number, task: () => void): Scheduled
}

/** A task that waits for its time. */
export interface Scheduled {
  cancel(): void
}

/** setTimeout's ceiling; a longer wait is made of several. */
const LONGEST_TIMEOUT_MS = 2_147_483_647

export const systemClock: Clock = {
  now: () => new Date(),
  monotonicMs: () => performance.now(),
  schedule(ms, task) {
    let timer: NodeJS.Timeout
    const arm = (left: number): void => {
      const step = Math.max(0, Math.min(left, LONGEST_TIMEOUT_MS))
      timer = setTimeout(() => (left > step ? arm(left - step) : task()), step)
      timer.unref()
    }
    arm(ms)
    return { cancel: () => clearTimeout(timer) }
  },
}
