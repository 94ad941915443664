import type { Random } from './random.ts'

interface BackoffOptions {
  readonly initialMs: number
  readonly maxMs: number
  readonly factor?: number
}

/**
 * Waiting times between attempts: exponential up to a maximum, with jitter, so that a thousand
 * agents do not reconnect at the same moment.
 */
export class Backoff {
  readonly #options: Required<BackoffOptions>
  readonly #random: Random
  #wholeMs: number

  constructor(options: BackoffOptions, random: Random) {
    this.#options = { factor: 2, ...options }
    this.#random = random
    this.#wholeMs = options.initialMs
  }

  /** Returns the next waiting time: between half of the current step and all of it. */
  nextMs(): number {
    const wholeMs = this.#wholeMs
    this.#wholeMs = Math.min(this.#options.maxMs, wholeMs * this.#options.factor)
    return wholeMs / 2 + (wholeMs / 2) * this.#random.fraction()
  }

  /** Starts again with the shortest time. Call it after a success. */
  reset(): void {
    this.#wholeMs = this.#options.initialMs
  }
}
