import { createHash } from 'node:crypto'
import { type FileHandle, open } from 'node:fs/promises'
import type { Clock } from '../../foundation/clock.ts'
import { Slots } from '../../foundation/slots.ts'

/** Reads that may run at once. A dead mount holds a thread of Node's pool for good: two of four are all it can get. */
const READS_AT_ONCE = 2
const CACHE_SIZE = 1_024
const CHUNK = 256 * 1024

/** Which file is meant: another one may lie at the path by the time it is opened. */
export interface FileIdentity {
  readonly device: bigint
  readonly inode: bigint
}

export interface FileDigestsOptions {
  readonly maxBytes: number
  readonly timeoutMs: number
}

/**
 * SHA-256 of executables, made off the event loop, with a deadline, and kept by what names their content: device, inode,
 * size, mtime and ctime.
 */
export class FileDigests {
  readonly #clock: Clock
  readonly #options: FileDigestsOptions
  readonly #cache = new Map<string, string>()
  readonly #slots = new Slots(READS_AT_ONCE)
  #late = 0

  constructor(clock: Clock, options: FileDigestsOptions) {
    this.#clock = clock
    this.#options = options
  }

  /** Grows when a digest is there that was given up as too slow before: those who went without it may ask again. */
  get late(): number {
    return this.#late
  }

  /** Undefined when another file is found, it is too large, unreadable, changes while it is read, or takes too long. */
  async of(path: string, file: FileIdentity): Promise<string | undefined> {
    const { promise: timeout, resolve: giveUp } = Promise.withResolvers<undefined>()
    let tooLate = false
    const timer = this.#clock.schedule(this.#options.timeoutMs, () => {
      tooLate = true
      giveUp(undefined)
    })
    const reading = this.#slots
      .run(() => this.#read(path, file))
      .then((digest) => {
        timer.cancel()
        if (tooLate && digest !== undefined) this.#late += 1
        return digest
      })
    return Promise.race([reading, timeout])
  }

  async #read(path: string, expected: FileIdentity): Promise<string | undefined> {
    let file: FileHandle | undefined
    try {
      file = await open(path, 'r')
      return await this.#digest(file, expected)
    } catch {
      return undefined // gone, or not ours to read: the attribute is absent, and rules that need it refuse
    } finally {
      await file?.close()
    }
  }

  async #digest(file: FileHandle, expected: FileIdentity): Promise<string | undefined> {
    const key = await contentKey(file)
    if (!key.startsWith(`${expected.device}:${expected.inode}:`)) return undefined // the process runs something else by now
    const known = this.#cache.get(key)
    if (known !== undefined) return known
    const { size } = await file.stat()
    if (size > this.#options.maxBytes) return undefined
    const hash = createHash('sha256')
    const buffer = Buffer.allocUnsafe(Math.min(CHUNK, Math.max(size, 1)))
    let left = this.#options.maxBytes
    for (;;) {
      const { bytesRead } = await file.read(buffer, 0, buffer.length, null)
      if (bytesRead === 0) break
      left -= bytesRead
      if (left < 0) return undefined
      hash.update(buffer.subarray(0, bytesRead))
    }
    if ((await contentKey(file)) !== key) return undefined
    const digest = hash.digest('hex')
    if (this.#cache.size >= CACHE_SIZE) this.#cache.delete(this.#cache.keys().next().value ?? '')
    this.#cache.set(key, digest)
    return digest
  }
}

async function contentKey(file: FileHandle): Promise<string> {
  const { dev, ino, size, mtimeNs, ctimeNs } = await file.stat({ bigint: true })
  return `${majorAndMinor(dev)}:${ino}:${size}:${mtimeNs}:${ctimeNs}`
}

/** Node packs the two numbers of a device as C libraries do; a peer has them side by side, as statx(2) gives them. */
function majorAndMinor(dev: bigint): bigint {
  const major = ((dev >> 8n) & 0xfffn) | ((dev >> 32n) & 0xfffff000n)
  const minor = (dev & 0xffn) | ((dev >> 12n) & 0xffffff00n)
  return (major << 32n) | minor
}
