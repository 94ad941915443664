import { setTimeout as sleep } from 'node:timers/promises'

/** Makes a test fail, not hang. */
const PATIENCE_MS = 45_000
const EVERY_MS = 40

/**
 * Repeats `ask` until it returns something other than undefined or false. An error counts as no
 * answer, and is the cause of the final error.
 */
export async function eventually<T>(
  what: string,
  ask: () => T | undefined | false | Promise<T | undefined | false>,
  patienceMs = PATIENCE_MS,
): Promise<T> {
  const end = performance.now() + patienceMs
  let cause: unknown
  while (performance.now() < end) {
    try {
      const answer = await ask()
      if (answer !== undefined && answer !== false) return answer
    } catch (error) {
      cause = error
    }
    await sleep(EVERY_MS)
  }
  throw new Error(`${what}: never, in ${patienceMs} ms`, { cause })
}
