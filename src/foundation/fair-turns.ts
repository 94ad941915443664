import type { Clock } from './clock.ts'
import { FairQueue } from './fair-queue.ts'

interface FairTurnsOptions<Key> {
  readonly clock: Pick<Clock, 'monotonicMs'>
  /** How long a key may use the event loop when it is alone … */
  readonly sliceMs: number
  /** … and when several keys compete; by default a quarter of that. */
  readonly contendedSliceMs?: number
  /** Called when a key has more work than time: the caller should stop reading more work for it. */
  readonly hold?: (key: Key) => void
  /**
   * Called when the key may bring more work. False means that there is more to resume; it is called
   * again in the next turn.
   */
  readonly resume?: (key: Key) => boolean
}

/** For at most this many slices, waiting tasks are delayed in favour of new connections. */
const HURRIED_SLICES = 2

/** With several keys, slices are divided by this, until a key has been alone for {@link ALONE_MS}. */
const CONTENDED_PART = 4
const ALONE_MS = 1_000
/** A key that has used this many slices is held. */
const FAR_MORE = 2

interface Task {
  readonly run: () => void
  readonly costMs: number
}

/**
 * Shares the event loop between keys. A key's work runs immediately while the key has time left,
 * and with little work that is the whole cost. Otherwise it waits, and the waiting keys take turns,
 * with the event loop's I/O between them.
 */
export class FairTurns<Key> {
  readonly #options: FairTurnsOptions<Key>
  readonly #waiting = new FairQueue<Key, Task>()
  readonly #spentMs = new Map<Key, number>()
  /** Keys with more work than time, until all their sources are resumed. */
  readonly #held = new Set<Key>()
  /** Those of the held keys that nothing was resumed for yet. */
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

  /** The number of waiting tasks. */
  get waiting(): number {
    return this.#waiting.size
  }

  isHeld(key: Key): boolean {
    return this.#held.has(key)
  }

  /** Runs a task now or in the key's turn. `costMs` is what it costs besides the time in which it runs. */
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

  /**
   * Charges a key for time used elsewhere. A key that has used far too much is held until it has
   * made up for it.
   */
  charge(key: Key, ms: number): void {
    const spent = (this.#spentMs.get(key) ?? 0) + ms
    this.#spentMs.set(key, spent)
    if (spent >= this.#options.sliceMs * FAR_MORE) this.#hold(key)
    if (spent * 2 >= this.#options.sliceMs) this.#arm()
  }

  /**
   * Delays waiting tasks a little, because a new connection may be pending, which only the event
   * loop can accept.
   */
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
    const { clock, resume } = this.#options
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
      if (resume?.(key) !== false) this.#held.delete(key)
    }
    this.#workedMs = clock.monotonicMs()
  }
}
