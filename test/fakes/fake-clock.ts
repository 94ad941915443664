import type { Clock, Scheduled } from '../../src/foundation/clock.ts'

interface Waiting {
  readonly dueMs: number
  readonly order: number
  readonly task: () => void
}

/**
 * A clock that moves only when the test moves it. Its three times move together, except in `jump`
 * and `suspend`.
 */
export class FakeClock implements Clock {
  #wallMs: number
  #monotonicMs = 0
  #suspendedMs = 0
  #order = 0
  readonly #waiting = new Set<Waiting>()

  constructor(start: Date | string | number = '2026-01-01T00:00:00Z') {
    this.#wallMs = new Date(start).getTime()
  }

  now(): Date {
    return new Date(this.#wallMs)
  }

  monotonicMs(): number {
    return this.#monotonicMs
  }

  bootMs(): number {
    return this.#monotonicMs + this.#suspendedMs
  }

  schedule(ms: number, task: () => void): Scheduled {
    const waiting = { dueMs: this.#monotonicMs + Math.max(0, ms), order: this.#order++, task }
    this.#waiting.add(waiting)
    return { cancel: () => this.#waiting.delete(waiting) }
  }

  /** The number of scheduled tasks. */
  get waiting(): number {
    return this.#waiting.size
  }

  /** Moves time forward and runs each task that becomes due at its own time. */
  advance(ms: number): void {
    const end = this.#monotonicMs + ms
    for (let next = this.#nextDue(end); next; next = this.#nextDue(end)) {
      this.#waiting.delete(next)
      this.#moveTo(Math.max(next.dueMs, this.#monotonicMs))
      next.task()
    }
    this.#moveTo(end)
  }

  /** Sets the wall clock forward or back. No task becomes due. */
  jump(ms: number): void {
    this.#wallMs += ms
  }

  /** Suspends the host: time passes, but no task becomes due. */
  suspend(ms: number): void {
    this.#wallMs += ms
    this.#suspendedMs += ms
  }

  #moveTo(monotonicMs: number): void {
    this.#wallMs += monotonicMs - this.#monotonicMs
    this.#monotonicMs = monotonicMs
  }

  #nextDue(end: number): Waiting | undefined {
    let first: Waiting | undefined
    for (const waiting of this.#waiting) {
      if (waiting.dueMs > end) continue
      if (
        !first ||
        waiting.dueMs < first.dueMs ||
        (waiting.dueMs === first.dueMs && waiting.order < first.order)
      ) {
        first = waiting
      }
    }
    return first
  }
}
