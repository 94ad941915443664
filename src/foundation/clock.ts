import { uptime } from 'node:os'

/** The source of time. It is passed in, so that tests control time. */
export interface Clock {
  /** The wall clock. */
  now(): Date
  /** Milliseconds on a clock that never jumps. Only differences are meaningful. */
  monotonicMs(): number
  /**
   * Milliseconds on a clock that also counts while the host is suspended. It shows the time that
   * has really passed, whatever the wall clock was set to.
   */
  bootMs(): number
  /**
   * Calls `task` after `ms` milliseconds on the monotonic clock, unless cancelled. Never keeps the
   * process alive.
   */
  schedule(ms: number, task: () => void): Scheduled
}

/** A scheduled task. */
export interface Scheduled {
  cancel(): void
}

/**
 * Node reads CLOCK_BOOTTIME from a file in /proc, which takes 4 µs. The offset is reused for this
 * long, so a suspend is noticed no later.
 */
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

/** The maximum of setTimeout. `schedule` splits a longer wait. */
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
