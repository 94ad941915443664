import type { Clock } from './clock.ts'

/** Resolves after `ms` milliseconds, or earlier when the signal aborts. */
export function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve()
    const done = (): void => {
      timer.cancel()
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = clock.schedule(ms, done)
    signal.addEventListener('abort', done)
  })
}
