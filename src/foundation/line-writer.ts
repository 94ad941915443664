import type { Clock, Scheduled } from './clock.ts'

/**
 * Writes as much as possible without blocking, and returns the number of bytes. @throws an error
 * with code EAGAIN when nothing can be written now
 */
export type WriteNow = (bytes: Buffer) => number

interface LineWriterDeps {
  readonly write: WriteNow
  readonly clock: Pick<Clock, 'schedule'>
  /** Returns the line that reports how many lines were dropped. */
  readonly tellDropped: (lines: number) => string
}

/** Maximum of waiting lines, in bytes; a reader that has stopped costs no more. */
const MAX_WAITING = 1024 * 1024
const MIN_WAIT_MS = 10
const MAX_WAIT_MS = 500
const NO_ROOM: ReadonlySet<string> = new Set(['EAGAIN', 'EWOULDBLOCK', 'EBUSY', 'EINTR'])

/**
 * Writes lines for a reader that may be slow, stopped or gone, and never blocks. Lines wait up to a
 * limit; later ones are dropped and counted, and the count is written once there is room again.
 */
export class LineWriter {
  readonly #deps: LineWriterDeps
  #waiting: Buffer[] = []
  #bytes = 0
  #dropped = 0
  #timer: Scheduled | undefined
  #waitMs = MIN_WAIT_MS

  constructor(deps: LineWriterDeps) {
    this.#deps = deps
  }

  write(line: string): void {
    const bytes = Buffer.from(line)
    if (this.#bytes + bytes.length > MAX_WAITING) {
      this.#dropped += 1
      return
    }
    this.#waiting.push(bytes)
    this.#bytes += bytes.length
    if (this.#timer === undefined) this.flush()
  }

  /** Writes waiting lines as far as there is room. */
  flush(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    for (;;) {
      const [first] = this.#waiting
      if (first === undefined) {
        if (this.#dropped === 0) return
        this.#tellDropped()
        continue
      }
      let written: number
      try {
        written = this.#deps.write(first)
      } catch (error) {
        if (NO_ROOM.has((error as NodeJS.ErrnoException).code ?? '')) this.#later()
        else this.#drop()
        return
      }
      this.#waitMs = MIN_WAIT_MS
      this.#bytes -= written
      if (written >= first.length) this.#waiting.shift()
      else this.#waiting[0] = first.subarray(written)
    }
  }

  /** The reader is gone or the disk is full. That does not end the program; the next line is tried again. */
  #drop(): void {
    this.#dropped += this.#waiting.length
    this.#waiting = []
    this.#bytes = 0
  }

  #tellDropped(): void {
    const bytes = Buffer.from(this.#deps.tellDropped(this.#dropped))
    this.#dropped = 0
    this.#waiting.push(bytes)
    this.#bytes += bytes.length
  }

  #later(): void {
    this.#timer = this.#deps.clock.schedule(this.#waitMs, () => {
      this.#timer = undefined
      this.flush()
    })
    this.#waitMs = Math.min(this.#waitMs * 2, MAX_WAIT_MS)
  }
}
