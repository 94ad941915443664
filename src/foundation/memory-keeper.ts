import type { Clock, Scheduled } from './clock.ts'

interface MemoryKeeperDeps {
  readonly clock: Clock
  /** Resident memory of this process, in bytes. */
  readonly residentBytes: () => number
  /** The utilization of the event loop since the last call, from 0 to 1. */
  readonly utilization: () => number
  /**
   * Collects garbage. `thoroughly` also compacts the heap and discards compiled code that has not run
   * for a while, which takes several times as long.
   */
  readonly collectGarbage: (thoroughly: boolean) => void
  /** Returns the allocator's unused memory to the system. */
  readonly trim: () => void
  /** New objects go there. A larger one is collected less often. */
  readonly youngHeap: { keep(): void; letGrow(): void }
}

const LOOK_MS = 5_000
/** Growth below this is not worth a pause. */
const WORTH_BYTES = 4 * 1024 * 1024
/** A busy program only trims, every so many looks, because a collection takes some milliseconds. */
const BUSY_LOOKS = 12
/**
 * After work it waits for this many quiet looks (30 s). If memory is returned earlier, the next
 * load has to allocate it again, and its first seconds are a quarter slower.
 */
const QUIET_LOOKS = 6
/** Above this average between two looks, the program counts as busy. */
const BUSY = 0.05
/** Above this, time is worth more than the memory of a larger young heap. */
const HARD_AT_WORK = 0.5

/**
 * Returns memory to the system after work. Socket reads leave holes of 64 KiB between small
 * buffers, which the C library's allocator neither fills nor returns, and V8 does not collect
 * garbage while nothing is allocated. Without this, a program would keep the memory of its busiest
 * minute for ever. It works only in quiet moments, and only when the process has grown since the
 * last time.
 *
 * One collection is not enough: what waits for the finalizer of an object, such as the session of a
 * closed connection, is garbage only afterwards. So it collects again at each look until that is no
 * longer worth it. Only the first collection is thorough. After a load, it would discard the code
 * that the next load needs.
 */
export class MemoryKeeper implements Disposable {
  readonly #deps: MemoryKeeperDeps
  #next: Scheduled
  /** Resident memory after the last time, or less if it has shrunk since. */
  #leftBytes = 0
  #busyLooks = 0
  /** At start there was no work yet to wait for. */
  #quietLooks = QUIET_LOOKS
  #isFirst = true
  /** The last look collected, and this one is to follow it. */
  #isAgain = false

  constructor(deps: MemoryKeeperDeps) {
    this.#deps = deps
    this.#next = this.#lookLater()
  }

  [Symbol.dispose](): void {
    this.#next.cancel()
  }

  #lookLater(): Scheduled {
    return this.#deps.clock.schedule(LOOK_MS, () => {
      this.#look()
      this.#next = this.#lookLater()
    })
  }

  #look(): void {
    const { residentBytes, utilization, trim, youngHeap } = this.#deps
    const used = utilization()
    const isBusy = used > BUSY
    if (used > HARD_AT_WORK) youngHeap.letGrow()
    const bytes = residentBytes()
    this.#leftBytes = Math.min(this.#leftBytes, bytes)
    const isWorth = bytes - this.#leftBytes >= WORTH_BYTES
    this.#busyLooks = isBusy ? this.#busyLooks + 1 : 0
    this.#quietLooks = isBusy ? 0 : this.#quietLooks + 1
    if (isBusy) {
      this.#isAgain = false
      if (!isWorth || this.#busyLooks % BUSY_LOOKS !== 0) return
      trim() // collect when it is quiet again
    } else if (this.#isAgain || (isWorth && this.#quietLooks >= QUIET_LOOKS)) this.#giveBack(bytes)
  }

  #giveBack(bytes: number): void {
    const { residentBytes, collectGarbage, trim, youngHeap } = this.#deps
    const isFollowUp = this.#isAgain
    youngHeap.keep() // the collection shrinks it
    collectGarbage(this.#isFirst)
    trim()
    this.#isFirst = false
    this.#leftBytes = residentBytes()
    this.#isAgain = !isFollowUp || bytes - this.#leftBytes >= WORTH_BYTES
    this.#quietLooks = 0
  }
}
