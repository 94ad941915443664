import { gunzip, inflate } from 'node:zlib'

/** Compressions that are known, by their names in `grpc-encoding`. */
const DECOMPRESS = { gzip: gunzip, deflate: inflate } as const

export type Encoding = keyof typeof DECOMPRESS

export function isEncoding(name: string): name is Encoding {
  return Object.hasOwn(DECOMPRESS, name)
}

export interface Compressed {
  readonly encoding: Encoding
  readonly message: Buffer
  /** The longest that it may become. */
  readonly maxBytes: number
  /** Asked when its turn has come. */
  readonly isWanted: () => boolean
  readonly done: (error: Error | null, bytes: Buffer) => void
}

/** Half of the threads that Node has for this and for everything else. */
const AT_ONCE = 2

/**
 * Decompresses in turns: a few messages at once, never two of one caller. What a message becomes is known only afterwards, a thousand times
 * its length at most, and each one under way takes memory of its own; so others wait as they came, compressed.
 */
export class Decompressor {
  /** In the order of their turns. */
  readonly #waiting = new Map<object, Compressed[]>()
  readonly #served = new Set<object>()

  /** `caller` is whoever shares turns. */
  add(caller: object, compressed: Compressed): void {
    const before = this.#waiting.get(caller)
    if (before === undefined) this.#waiting.set(caller, [compressed])
    else before.push(compressed)
    this.#next()
  }

  #next(): void {
    for (const [caller, waiting] of this.#waiting) {
      if (this.#served.size >= AT_ONCE) return
      if (!this.#served.has(caller)) this.#serve(caller, waiting)
    }
  }

  #serve(caller: object, waiting: Compressed[]): void {
    const wanted = waiting.findIndex(({ isWanted }) => isWanted())
    const [next] = wanted < 0 ? [] : waiting.splice(0, wanted + 1).slice(-1)
    this.#waiting.delete(caller)
    if (next === undefined) return
    if (waiting.length > 0) this.#waiting.set(caller, waiting) // behind those of others
    this.#served.add(caller)
    DECOMPRESS[next.encoding](next.message, { maxOutputLength: next.maxBytes }, (error, bytes) => {
      this.#served.delete(caller)
      next.done(error, bytes)
      this.#next()
    })
  }
}
