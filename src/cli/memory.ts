import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { systemClock } from '../foundation/clock.ts'
import { MemoryKeeper } from '../foundation/memory-keeper.ts'
import { trimMemory } from '../peer/trim-memory.ts'

/**
 * Loading and a burst of connections would let the young generation of V8's heap grow to 64 MiB, which it keeps: more than all else that
 * the program holds. It stays as it is when this is called; calls take no more time with it.
 */
export function keepYoungHeapSmall(): void {
  setFlagsFromString('--semi-space-growth-factor=1')
}

/** Gives back what work has taken, whenever there is time for it. */
export function keepMemory(): MemoryKeeper {
  let before = performance.eventLoopUtilization()
  const business = (): number => {
    const now = performance.eventLoopUtilization()
    const { utilization } = performance.eventLoopUtilization(now, before)
    before = now
    return utilization
  }
  const residentBytes = (): number => process.memoryUsage.rss()
  return new MemoryKeeper({ clock: systemClock, residentBytes, business, collectGarbage, trim: trimMemory })
}

/** V8 shows its collector only to what is made after it was told to; afterwards nobody else is to see it. */
function collectGarbage(thoroughly: boolean): void {
  setFlagsFromString('--expose-gc')
  try {
    const collect = runInNewContext('gc') as (options: object) => void
    collect({ type: 'major', flavor: thoroughly ? 'last-resort' : 'regular' })
  } finally {
    setFlagsFromString('--no-expose-gc')
  }
}
