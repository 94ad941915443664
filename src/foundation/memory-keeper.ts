import type { Clock, Scheduled } from './clock.ts'

export interface MemoryKeeperDeps {
  readonly clock: Clock
  /** Bytes of this process that are in memory. */
  readonly residentBytes: () => number
  /** How much of the time since it was asked last the loop has been busy: 0 to 1. */
  readonly business: () => number
  /** Thoroughly, gaps are closed, too, which takes several times as long. */
  readonly collectGarbage: (thoroughly: boolean) => void
  /** Gives what the allocator holds, and nobody uses, back to the system. */
  readonly trim: () => void
}

const LOOK_MS = 5_000
/** Less than this is not worth a pause. */
const WORTH_BYTES = 8 * 1024 * 1024
/** So much is what a load leaves behind. */
const LOAD_BYTES = 32 * 1024 * 1024
/** A program that is never quiet gives back at least what needs no collection, which takes some milliseconds. */
const BUSY_LOOKS = 12
/** After work it waits so many looks, 30 s: memory that the next load takes anew makes its first seconds a quarter slower. */
const QUIET_LOOKS = 6
/** Above this, on average between two looks, there is work, if only for a moment. */
const BUSY = 0.05

/**
 * Gives memory back after work. Reads of sockets leave holes of 64 KiB between small buffers, which the C library's allocator neither
 * fills nor gives back by itself, and V8 does not look for garbage while nothing is allocated: without this a program holds for ever
 * what its busiest minute took. Nobody is kept waiting for it, and nothing happens while the program has not grown since the last time.
 */
export class MemoryKeeper implements Disposable {
  readonly #deps: MemoryKeeperDeps
  #next: Scheduled
  /** What was left the last time; less may turn out to be enough. */
  #leftBytes = 0
  #busyLooks = 0
  /** Nothing was done yet that the start is to wait for. */
  #quietLooks = QUIET_LOOKS

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
    const { residentBytes, business, collectGarbage, trim } = this.#deps
    const isBusy = business() > BUSY
    const bytes = residentBytes()
    this.#leftBytes = Math.min(this.#leftBytes, bytes)
    const grownBytes = bytes - this.#leftBytes
    this.#busyLooks = isBusy ? this.#busyLooks + 1 : 0
    this.#quietLooks = isBusy ? 0 : this.#quietLooks + 1
    if (!isBusy && this.#quietLooks < QUIET_LOOKS) return
    if (grownBytes < WORTH_BYTES || this.#busyLooks % BUSY_LOOKS !== 0) return
    if (isBusy) {
      trim() // the rest is due when it is quiet again
      return
    }
    collectGarbage(grownBytes >= LOAD_BYTES)
    trim()
    this.#leftBytes = residentBytes()
  }
}
