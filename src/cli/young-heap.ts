import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8'

/** With more, collections take hardly less time, and after a load too much is left in the old generation. */
const ENOUGH_BYTES = 16 * 1024 * 1024

/**
 * The young generation of V8's heap. Loading code and a burst of connections would let it grow to
 * 64 MiB, more than everything else that the program holds. At its first size, though, the garbage
 * of a connection is collected so often that this takes a fifth of the time of new connections.
 * So it may grow under work, up to a limit. V8 shrinks it when it collects in a quiet moment.
 */
export class YoungHeap {
  #watch: PerformanceObserver | undefined

  /** Keeps it at its current size. */
  keep(): void {
    setFlagsFromString('--semi-space-growth-factor=1')
    this.#watch?.disconnect()
    this.#watch = undefined
  }

  /** Lets it grow until it is large enough. V8 takes a maximum only at its start. */
  letGrow(): void {
    if (this.#watch !== undefined || isLargeEnough()) return
    setFlagsFromString('--semi-space-growth-factor=2')
    this.#watch = new PerformanceObserver(() => {
      if (isLargeEnough()) this.keep()
    })
    this.#watch.observe({ entryTypes: ['gc'] })
  }
}

function isLargeEnough(): boolean {
  const young = getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space')
  return young === undefined || young.space_size >= ENOUGH_BYTES
}
