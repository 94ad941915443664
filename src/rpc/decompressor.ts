import { createRequire } from 'node:module'
import type * as Zlib from 'node:zlib'

/** Supported compressions, by their names in `grpc-encoding`, and the functions of zlib. */
const DECOMPRESS = { gzip: 'gunzip', deflate: 'inflate' } as const

type Encoding = keyof typeof DECOMPRESS

export function isEncoding(name: string): name is Encoding {
  return Object.hasOwn(DECOMPRESS, name)
}

/** Loaded at first use: few clients compress. */
function zlib(): typeof Zlib {
  return createRequire(import.meta.url)('node:zlib') as typeof Zlib
}

interface Compressed {
  readonly encoding: Encoding
  readonly message: Buffer
  /** Maximum length after decompression. */
  readonly maxBytes: number
  /** Checked when its turn has come; false skips the message. */
  readonly isWanted: () => boolean
  readonly done: (error: Error | null, bytes: Buffer) => void
}

/** Half of the libuv thread pool, which serves everything else, too. */
const AT_ONCE = 2

/**
 * Decompresses a few messages at a time, and never two of one caller. The decompressed length, up
 * to a thousand times the compressed one, is known only afterwards, and every running job takes
 * memory. So the other messages wait, compressed.
 */
export class Decompressor {
  /** In the order in which callers are served. */
  readonly #waiting = new Map<object, Compressed[]>()
  readonly #served = new Set<object>()

  /** Queues a message. `caller` identifies who shares a turn. */
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
    if (waiting.length > 0) this.#waiting.set(caller, waiting) // to the end of the queue
    this.#served.add(caller)
    zlib()[DECOMPRESS[next.encoding]](next.message, { maxOutputLength: next.maxBytes }, (error, bytes) => {
      this.#served.delete(caller)
      next.done(error, bytes)
      this.#next()
    })
  }
}
