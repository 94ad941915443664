import type { Clock } from './clock.ts'
import type { FairTurns } from './fair-turns.ts'

/** How long to use the event loop before yielding to other keys. */
const STRETCH_MS = 1

interface InTurns<Key> {
  readonly turns: Pick<FairTurns<Key>, 'run'>
  readonly clock: Pick<Clock, 'monotonicMs'>
  readonly key: Key
}

/**
 * Calls `each` for every item, in order, in the turns of one key. Turns are limited by time, not by
 * the number of items. If `each` returns a promise, the next item waits for it.
 */
export function inTurns<Key, Item>(
  { turns, clock, key }: InTurns<Key>,
  items: readonly Item[],
  each: (item: Item) => Promise<unknown> | undefined,
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  let next = 0
  const stretch = (): void => {
    try {
      const untilMs = clock.monotonicMs() + STRETCH_MS
      while (next < items.length) {
        const waiting = each(items[next++] as Item)
        if (waiting) {
          waiting.then(go, reject)
          return
        }
        if (clock.monotonicMs() >= untilMs && next < items.length) {
          queueMicrotask(go) // charge the key for this stretch first
          return
        }
      }
      resolve()
    } catch (error) {
      reject(error)
    }
  }
  const go = (): void => turns.run(key, stretch)
  go()
  return promise
}
