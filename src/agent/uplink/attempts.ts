import type { Clock } from '../../foundation/clock.ts'

/** Something that failed and will be tried again. Times are in milliseconds since 1970. */
export interface Failing {
  readonly error: unknown
  /** How often it failed without a success in between. */
  readonly count: number
  readonly sinceMs: number
  readonly nextMs: number
}

/** Remembers how a repeated attempt is doing, so that the operator can be told. */
export class Attempts {
  readonly #clock: Pick<Clock, 'now'>
  #failing: Failing | undefined

  constructor(clock: Pick<Clock, 'now'>) {
    this.#clock = clock
  }

  /** Undefined after a success and before the first attempt. */
  get failing(): Failing | undefined {
    return this.#failing
  }

  failed(error: unknown, retryMs: number): void {
    const nowMs = this.#clock.now().getTime()
    const { sinceMs, count } = this.#failing ?? { sinceMs: nowMs, count: 0 }
    this.#failing = { error, count: count + 1, sinceMs, nextMs: nowMs + retryMs }
  }

  worked(): void {
    this.#failing = undefined
  }
}
