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

/** Node reads CLOCK_BOOTTIME from a file of /proc, which takes 4 µs: what was read is good for this long, a suspend noticed by then. */
const READ_BOOT_EVERY_MS = 20
let bootAheadMs = 0
let readBootAtMs = Number.NEGATIVE_INFINITY

function bootMs(): number {
  const nowMs = performance.now()
  if (nowMs - readBootAtMs > READ_BOOT_EVERY_MS) {
    bootAheadMs = uptime() * 1000 - nowMs
    readBootAtMs = nowMs
  }
  return nowMs + bootAheadMs
}

/** setTimeout's ceiling; a longer wait is made of several. */
export const MAX_TIMEOUT_MS = 2_147_483_647

export const systemClock: Clock = {
  now: () => new Date(),
  monotonicMs: () => performance.now(),
  bootMs,
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
