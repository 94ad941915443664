import type { Random } from './random.ts'

export interface BackoffOptions {
  readonly initialMs: number
  readonly maxMs: number
  readonly factor?: number
}

/** How long to wait before the next attempt: grows to a ceiling, with jitter, so that a thousand agents do not return together. */
export class Backoff {
  readonly #options: Required<BackoffOptions>
  readonly #random: Random
  #wholeMs: number

  constructor(options: BackoffOptions, random: Random) {
    this.#options = { factor: 2, ...options }
    this.#random = random
    this.#wholeMs = options.initialMs
  }

  /** Between half of the present step and all of it. */
  nextMs(): number {
    const wholeMs = this.#wholeMs
    this.#wholeMs = Math.min(this.#options.maxMs, wholeMs * this.#options.factor)
    return wholeMs / 2 + (wholeMs / 2) * this.#random.fraction()
  }

  /** After a success: the next failure starts small again. */
  reset(): void {
    this.#wholeMs = this.#options.initialMs
  }
}
