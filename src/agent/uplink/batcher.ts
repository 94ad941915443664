import type { Clock } from '../../foundation/clock.ts'
import { CodedError } from '../../foundation/errors.ts'
import { FairQueue } from '../../foundation/fair-queue.ts'
import { FairTurns } from '../../foundation/fair-turns.ts'

/** Too many requests are waiting for the authority. */
class TooManyWaitingError extends CodedError {
  override readonly name = 'TooManyWaitingError'
  readonly code = 'ERR_AGENT_TOO_MANY_WAITING'
  readonly kind = 'unavailable'
}

/** The number of rows that the authority commits to disk together. */
export const MAX_BATCH_SIZE = 256
/**
 * How many calls may be in progress: while one waits for the authority's disk, the next is signed.
 * More would only make batches smaller.
 */
const MAX_CALLS_AT_ONCE = 4
/**
 * How many requests must wait per call in progress before another call is made. A call costs as
 * much as ten requests in it.
 */
const WORTH_ANOTHER_CALL = 4
const MAX_WAITING = 32_768
/**
 * Requests that the authority refuses for lack of capacity are retried in smaller batches, for as
 * long as a caller may wait.
 */
const PATIENCE_MS = 10_000
const PAUSE_MS = 250
/**
 * How long responses for one user are delivered before those of others have their turn, and the
 * estimated cost of delivering one.
 */
const SLICE_MS = 2
const CONTENDED_SLICE_MS = 0.25
const ANSWER_MS = 0.25

interface Waiting<Req, Res> {
  readonly lane: number
  readonly askedMs: number
  readonly request: Req
  readonly resolve: (result: Res) => void
  readonly reject: (error: unknown) => void
}

interface BatcherOptions<Req, Res> {
  readonly call: (requests: readonly Req[]) => Promise<readonly (Res | Error)[]>
  readonly clock: Clock
  /** The maximum number of waiting requests per user. */
  readonly maxOfUser: number
  /** Requests per call. The responses are processed in one turn of the loop. */
  readonly batchSize: number
}

/**
 * Combines the requests of one turn of the loop into few calls, whose results are in the order of
 * the requests. Each user has a lane, and lanes take turns in both directions, so that thousands of
 * requests of one user delay nobody else.
 */
export class Batcher<Req, Res> {
  readonly #options: BatcherOptions<Req, Res>
  readonly #waiting = new FairQueue<number, Waiting<Req, Res>>()
  readonly #answers: FairTurns<number>
  #running = 0
  #scheduled = false
  /** Halved whenever the authority lacks capacity for a batch, and doubled after each success. */
  #batchSize: number
  #pausedUntilMs = Number.NEGATIVE_INFINITY

  constructor(options: BatcherOptions<Req, Res>) {
    this.#options = options
    this.#batchSize = options.batchSize
    this.#answers = new FairTurns({
      clock: options.clock,
      sliceMs: SLICE_MS,
      contendedSliceMs: CONTENDED_SLICE_MS,
    })
  }

  /**
   * Queues a request in the lane of a user. If too many wait, the user with the most waiting is
   * refused one.
   */
  ask(request: Req, lane: number): Promise<Res> {
    const { promise, resolve, reject } = Promise.withResolvers<Res>()
    if (this.#waiting.sizeOf(lane) >= this.#options.maxOfUser) {
      reject(new TooManyWaitingError('too many requests of one user are waiting for the authority'))
      return promise
    }
    this.#waiting.push(lane, { lane, askedMs: this.#options.clock.monotonicMs(), request, resolve, reject })
    if (this.#waiting.size > MAX_WAITING) {
      const error = new TooManyWaitingError('too many requests are waiting for the authority')
      this.#waiting.dropOfBiggest()?.item.reject(error)
    }
    this.#schedule()
    return promise
  }

  get #callsAtOnce(): number {
    return this.#batchSize === this.#options.batchSize ? MAX_CALLS_AT_ONCE : 1
  }

  get #isWorthACall(): boolean {
    if (this.#running >= this.#callsAtOnce) return false
    return this.#waiting.size > 0 && this.#waiting.size >= this.#running * WORTH_ANOTHER_CALL
  }

  #schedule(): void {
    if (this.#scheduled || !this.#isWorthACall) return
    this.#scheduled = true
    const pauseMs = this.#pausedUntilMs - this.#options.clock.monotonicMs()
    if (pauseMs > 0) this.#options.clock.schedule(pauseMs, () => this.#start())
    else setImmediate(() => this.#start())
  }

  #start(): void {
    this.#scheduled = false
    while (this.#isWorthACall) {
      const batch: Waiting<Req, Res>[] = []
      while (batch.length < this.#batchSize) {
        const next = this.#waiting.take()
        if (next === undefined) break
        batch.push(next.item)
      }
      void this.#run(batch)
    }
  }

  async #run(batch: readonly Waiting<Req, Res>[]): Promise<void> {
    this.#running += 1
    try {
      const results = await this.#options.call(batch.map(({ request }) => request))
      this.#batchSize = Math.min(this.#options.batchSize, this.#batchSize * 2)
      for (const [index, each] of batch.entries()) this.#answer(each, results[index])
    } catch (error) {
      if (error instanceof CodedError && error.kind === 'resource_exhausted') this.#retry(batch, error)
      else for (const { reject } of batch) reject(error)
    } finally {
      this.#running -= 1
      this.#schedule()
    }
  }

  #answer({ lane, resolve, reject }: Waiting<Req, Res>, result: Res | Error | undefined): void {
    const settle = (): void => {
      if (result === undefined) reject(new TypeError('fewer answers than requests'))
      else if (result instanceof Error) reject(result)
      else resolve(result)
    }
    this.#answers.run(lane, settle, ANSWER_MS)
  }

  /** Retries requests that the authority's rate limit refused, in small batches that users share. */
  #retry(batch: readonly Waiting<Req, Res>[], error: CodedError): void {
    const now = this.#options.clock.monotonicMs()
    this.#batchSize = Math.max(1, Math.floor(Math.min(this.#batchSize, batch.length) / 2))
    this.#pausedUntilMs = now + PAUSE_MS
    for (const each of batch.toReversed()) {
      if (now - each.askedMs >= PATIENCE_MS) each.reject(error)
      else this.#waiting.putBack(each.lane, each)
    }
  }
}
