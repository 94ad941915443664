import { createHash } from 'node:crypto'
import type { Random } from '../../src/foundation/random.ts'

/** Bytes that follow from a seed: the same test sees the same ones each time, and never the same twice. */
export class FakeRandom implements Random {
  readonly #seed: string
  #counter = 0
  /** What `fraction` answers; the middle unless told otherwise. */
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
