import { createHash } from 'node:crypto'
import type { Random } from '../../src/foundation/random.ts'

/** Deterministic bytes from a seed: the same in every run, but never the same twice in one run. */
export class FakeRandom implements Random {
  readonly #seed: string
  #counter = 0
  /** The result of `fraction`; 0.5 by default. */
  nextFraction = 0.5

  constructor(seed = 'signet') {
    this.#seed = seed
  }

  bytes(length: number): Buffer {
    const blocks: Buffer[] = []
    for (let made = 0; made < length; made += 32) {
      blocks.push(
        createHash('sha256')
          .update(`${this.#seed}/${this.#counter++}`)
          .digest(),
      )
    }
    return Buffer.concat(blocks).subarray(0, length)
  }

  fraction(): number {
    return this.nextFraction
  }
}
