import type { Clock, Scheduled } from './clock.ts'

/** The memory of this process. */
export interface OwnMemory {
  residentBytes(): number
  /** Of all CPU time that it has taken. */
  cpuMs(): number
  /** Collects garbage and lets go of what is free; takes a while, in which nothing else is done. */
  giveBack(): void
}

const LOOK_MS = 5_000
/** Less than this is not worth a pause. */
const WORTH_BYTES = 24 * 1024 * 1024
/** Of one CPU: whoever works more than this has better to do. */
const IDLE_SHARE = 0.1

/**
 * Gives memory back once the work is over for which it was taken. Neither V8 nor the C library does by itself while nothing happens: what
 * a burst of calls has left behind, or a flood, would stay for good.
 */
export class MemoryKeeper implements Disposable {
  readonly #clock: Clock
  readonly #memory: OwnMemory
  /** What was left the last time, or less. */
  #leastBytes = Number.POSITIVE_INFINITY
  #cpuMs: number
  #lookedMs: number
  #next: Scheduled | undefined

  constructor(clock: Clock, memory: OwnMemory) {
    this.#clock = clock
    this.#memory = memory
    this.#cpuMs = memory.cpuMs()
    this.#lookedMs = clock.monotonicMs()
    this.#lookLater()
  }

  [Symbol.dispose](): void {
    this.#next?.cancel()
  }

  #lookLater(): void {
    this.#next = this.#clock.schedule(LOOK_MS, () => {
      this.#look()
      this.#lookLater()
    })
  }

  #look(): void {
    const [cpuMs, nowMs] = [this.#memory.cpuMs(), this.#clock.monotonicMs()]
    const isIdle = cpuMs - this.#cpuMs < IDLE_SHARE * (nowMs - this.#lookedMs)
    this.#cpuMs = cpuMs
    this.#lookedMs = nowMs
    const resident = this.#memory.residentBytes()
    if (isIdle && resident - this.#leastBytes > WORTH_BYTES) {
      this.#memory.giveBack()
      this.#leastBytes = this.#memory.residentBytes()
    } else if (isIdle) {
      this.#leastBytes = Math.min(this.#leastBytes, resident)
    }
  }
}
