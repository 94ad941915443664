import type { Clock } from './clock.ts'
import { FairQueue } from './fair-queue.ts'

export interface FairTurnsOptions<Key> {
  readonly clock: Pick<Clock, 'monotonicMs'>
  /** How long a key that is alone may have the loop before it is looked whether others want it … */
  readonly sliceMs: number
  /** … and how long one of several may; a quarter of it unless told. */
  readonly contendedSliceMs?: number
  /** A key has more to do than it has time for: whoever brings its work had better stop for a while. */
  readonly hold?: (key: Key) => void
  /** It may bring more work. False: there is more to let go on, ask again at the next turn. */
  readonly letGo?: (key: Key) => boolean
}

/** How many slices those who wait may be put off for others at the door. */
const HURRIED_SLICES = 2

/** Keys take shorter turns while there are several, and for so long after. */
const CONTENDED_PART = 4
const ALONE_MS = 1_000
/** In slices. */
const FAR_MORE = 2

interface Task {
  readonly run: () => void
  readonly costMs: number
}

/**
 * Shares the event loop between keys. What a key brings is done at once while the key has time left, and that is all the cost where nobody
 * asks for much; else it waits, and those who wait have their turns one after another, with the loop's input looked at in between.
 */
export class FairTurns<Key> {
  readonly #options: FairTurnsOptions<Key>
  readonly #waiting = new FairQueue<Key, Task>()
  readonly #spentMs = new Map<Key, number>()
  /** Keys that have had more to do than time, until all that brings their work is let go again. */
  readonly #held = new Set<Key>()
  /** Those of them of which nothing has been let go yet. */
  readonly #stopped = new Set<Key>()
  #isArmed = false
  #isHurried = false
  #lastKey: Key | undefined
  #contendedMs = Number.NEGATIVE_INFINITY
  #sliceMs: number
  #workedMs = Number.NEGATIVE_INFINITY

  constructor(options: FairTurnsOptions<Key>) {
    this.#options = options
    this.#sliceMs = options.sliceMs
  }

  /** How many tasks wait for their turn. */
  get waiting(): number {
    return this.#waiting.size
  }

  isHeld(key: Key): boolean {
    return this.#held.has(key)
  }

  /** Does it now or in the key's turn. `costMs`: what it takes besides the time in which it runs. */
  run(key: Key, task: () => void, costMs = 0): void {
    if (key !== this.#lastKey) this.#noteOther(key)
    if (!this.#held.has(key) && (this.#spentMs.get(key) ?? 0) < this.#sliceMs) {
      this.#do(key, task, costMs)
      return
    }
    this.#waiting.push(key, { run: task, costMs })
    this.#hold(key)
    this.#arm()
  }

  /** Time that a key has taken otherwise. Whoever takes far more than his is stopped until he has made up for it. */
  charge(key: Key, ms: number): void {
    const spent = (this.#spentMs.get(key) ?? 0) + ms
    this.#spentMs.set(key, spent)
    if (spent >= this.#options.sliceMs * FAR_MORE) this.#hold(key)
    if (spent * 2 >= this.#options.sliceMs) this.#arm()
  }

  /** Somebody else may be at the door, who can be let in only in a turn of the loop: those who wait already wait a little longer. */
  hurry(): void {
    this.#isHurried = true
  }

  #noteOther(key: Key): void {
    if (this.#lastKey !== undefined) {
      this.#contendedMs = this.#options.clock.monotonicMs()
      this.#sliceMs = this.#options.contendedSliceMs ?? this.#options.sliceMs / CONTENDED_PART
    }
    this.#lastKey = key
  }

  #hold(key: Key): void {
    if (this.#stopped.has(key)) return
    this.#stopped.add(key)
    this.#held.add(key)
    this.#options.hold?.(key)
  }

  #do(key: Key, task: () => void, costMs: number): void {
    const { clock } = this.#options
    const begunMs = clock.monotonicMs()
    try {
      task()
    } finally {
      this.charge(key, clock.monotonicMs() - begunMs + costMs)
    }
  }

  #arm(): void {
    if (this.#isArmed) return
    this.#isArmed = true
    setImmediate(() => this.#turn())
  }

  #turn(): void {
    this.#isArmed = false
    const { clock } = this.#options
    const now = clock.monotonicMs()
    if (now - this.#contendedMs > ALONE_MS) this.#sliceMs = this.#options.sliceMs
    const sliceMs = this.#sliceMs
    for (const [key, spent] of this.#spentMs) {
      if (spent > sliceMs) this.#spentMs.set(key, spent - sliceMs)
      else this.#spentMs.delete(key)
    }
    const isHurried = this.#isHurried && now - this.#workedMs < this.#options.sliceMs * HURRIED_SLICES
    this.#isHurried = false
    if (!isHurried) this.#work(now + sliceMs)
    if (this.#held.size > 0) this.#arm()
  }

  #work(untilMs: number): void {
    const { clock, letGo } = this.#options
    const sliceMs = this.#sliceMs
    const hasTime = (key: Key): boolean => (this.#spentMs.get(key) ?? 0) < sliceMs
    do {
      const next = this.#waiting.take(hasTime)
      if (next === undefined) break
      this.#do(next.key, next.item.run, next.item.costMs)
    } while (clock.monotonicMs() < untilMs)
    for (const key of this.#held) {
      if (this.#waiting.sizeOf(key) > 0 || !hasTime(key)) continue
      this.#stopped.delete(key)
      if (letGo?.(key) !== false) this.#held.delete(key)
    }
    this.#workedMs = clock.monotonicMs()
  }
}
