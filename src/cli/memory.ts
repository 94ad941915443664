import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { systemClock } from '../foundation/clock.ts'
import { MemoryKeeper } from '../foundation/memory-keeper.ts'
import { trimMemory } from '../peer/trim-memory.ts'
import { YoungHeap } from './young-heap.ts'

/**
 * Returns memory to the system after work, in quiet moments. Call it once the program serves: V8
 * discards the compiled code that Node contains as soon as a flag differs, so every module of Node
 * that is loaded afterwards takes twice as long.
 */
export function keepMemory(): MemoryKeeper {
  const youngHeap = new YoungHeap()
  youngHeap.keep()
  let before = performance.eventLoopUtilization()
  const utilization = (): number => {
    const now = performance.eventLoopUtilization()
    const sinceThen = performance.eventLoopUtilization(now, before)
    before = now
    return sinceThen.utilization
  }
  const residentBytes = (): number => process.memoryUsage.rss()
  return new MemoryKeeper({
    clock: systemClock,
    residentBytes,
    utilization,
    collectGarbage,
    trim: trimMemory,
    youngHeap,
  })
}

/**
 * V8 exposes its collector only to contexts created after this flag is set. The flag is reset, so
 * that no other code gets it.
 */
function collectGarbage(thoroughly: boolean): void {
  setFlagsFromString('--expose-gc')
  try {
    const collect = runInNewContext('gc') as (options: object) => void
    collect({ type: 'major', flavor: thoroughly ? 'last-resort' : 'regular' })
  } finally {
    setFlagsFromString('--no-expose-gc')
  }
}
