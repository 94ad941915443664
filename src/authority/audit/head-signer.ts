import type { Clock, Scheduled } from '../../foundation/clock.ts'
import { messageOf } from '../../foundation/errors.ts'
import type { Logger } from '../../foundation/logger.ts'
import type { ChainEnd } from './chain.ts'
import { headMembers } from './head.ts'
import type { HeadsFile } from './heads-file.ts'

/** A head covers at most this many new rows … */
const ROWS_PER_HEAD = 5000
/**
 * … and is signed at most this long after the first of them. No more than that can be cut off
 * unnoticed.
 */
const HEAD_INTERVAL_MS = 5000

/** Signs heads as the log grows, one at a time, without holding up the log. */
export class HeadSigner implements AsyncDisposable {
  readonly #file: HeadsFile
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #commits: () => number
  #end: ChainEnd
  #signed: number
  #timer: Scheduled | undefined
  #signing: Promise<void> | undefined

  constructor(file: HeadsFile, end: ChainEnd, deps: { clock: Clock; logger: Logger; commits: () => number }) {
    this.#file = file
    this.#end = end
    this.#signed = file.last?.sequence ?? 0
    this.#clock = deps.clock
    this.#logger = deps.logger
    this.#commits = deps.commits
    if (end.sequence !== this.#signed) this.advance(end)
  }

  /** Notes that rows up to `end` are durable. */
  advance(end: ChainEnd): void {
    this.#end = end
    if (end.sequence - this.#signed >= ROWS_PER_HEAD) void this.sign()
    else this.#timer ??= this.#clock.schedule(HEAD_INTERVAL_MS, () => void this.sign())
  }

  /**
   * Signs the rows not yet covered. After a failure it tries again with the next rows or at the next
   * interval.
   */
  sign(): Promise<void> {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#signing ??= this.#sign().finally(() => {
      this.#signing = undefined
    })
    return this.#signing
  }

  async #sign(): Promise<void> {
    const end = this.#end
    if (end.sequence === this.#signed) return
    try {
      const head = await this.#file.append({ ...end, commits: this.#commits() }, this.#clock.now().getTime())
      this.#signed = end.sequence
      // Logged so that the host's journal keeps a copy that write access to the data directory cannot
      // change.
      this.#logger.info({ event: 'audit.head', ...headMembers(head) }, 'audit head')
    } catch (error) {
      this.#logger.error({ event: 'audit.stalled', error: messageOf(error) }, 'cannot write an audit head')
      this.#timer ??= this.#clock.schedule(HEAD_INTERVAL_MS, () => void this.sign())
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#signing
    await this.sign()
    this.#timer?.cancel()
    await this.#file[Symbol.asyncDispose]()
  }
}
