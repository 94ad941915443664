import type { DatabaseSync } from 'node:sqlite'
import { setImmediate } from 'node:timers/promises'
import type { Clock, Scheduled } from '../../../foundation/clock.ts'
import { messageOf } from '../../../foundation/errors.ts'
import type { Logger } from '../../../foundation/logger.ts'
import type { Histogram, Metrics } from '../../../foundation/metrics.ts'
import { DatastoreUnavailableError, storageFailure } from '../errors.ts'
import { writeMeta } from '../meta.ts'
import type { AuditChaining, Change, NewAuditRow, Transaction } from '../ports.ts'
import type { Sealer } from '../seals/sealer.ts'
import { Batch } from './batch.ts'

/**
 * Rows (or tasks) per commit. 256 take 1.5 ms, so a full batch hardly delays the next one (decision
 * 0010).
 */
const BATCH_ROWS = 256

/** A commit slower than this is reported: everything the authority does waits for it. */
const STALLED_MS = 1000

/** How often the disk is tested while nothing can be stored, and after a slow commit. */
const PROBE_MS = 5000

const COMMIT_BUCKETS = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5]

interface CommitQueueDeps {
  readonly clock: Clock
  readonly metrics: Metrics
  readonly logger: Logger
  /** Called with the changes of a commit when it is durable. */
  readonly onChanges: (changes: readonly Change[]) => void
}

type Work =
  | { readonly events: readonly NewAuditRow[] }
  | { readonly task: (tx: Transaction) => Promise<unknown> }
  /** Reads the connection inside the transaction, between tasks. */
  | { readonly look: () => unknown }
  /** Uses the connection outside any transaction. */
  | { readonly alone: () => unknown }

type Waiting = Work & {
  readonly resolve: (value: never) => void
  readonly reject: (error: unknown) => void
}

interface Settled {
  readonly done: { readonly waiting: Waiting; readonly result: unknown }[]
  readonly failed: { readonly waiting: Waiting; readonly error: unknown }[]
}

/**
 * Gathers everything that arrives in one turn of the event loop into one durable commit. There is one
 * writing connection, and everything that uses it would see its uncommitted changes. So the queue
 * does one thing at a time, in order of arrival.
 */
export class CommitQueue {
  readonly #batch: Batch
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #commitSeconds: Histogram
  #waiting: Waiting[] = []
  /** A flush that is scheduled or running. */
  #flushing: Promise<void> | undefined
  #problem: string | undefined
  #probe: Scheduled | undefined
  #closed = false

  constructor(db: DatabaseSync, sealer: Sealer, deps: CommitQueueDeps) {
    this.#batch = new Batch(db, sealer, deps.onChanges)
    this.#clock = deps.clock
    this.#logger = deps.logger
    this.#commitSeconds = deps.metrics.histogram(
      'audit_commit_seconds',
      'Duration of a transaction of the authority database, from BEGIN to durable',
      COMMIT_BUCKETS,
    )
  }

  /** Why changes cannot be stored reliably now; undefined when they can. */
  get problem(): string | undefined {
    return this.#problem
  }

  chainWith(chaining: AuditChaining): void {
    this.#batch.chainWith(chaining)
  }

  /** Resolves when the task's changes are durable. */
  run<T>(task: (tx: Transaction) => Promise<T>): Promise<T> {
    return this.#add<T>({ task })
  }

  append(events: readonly NewAuditRow[]): Promise<void> {
    return this.#add<void>({ events })
  }

  look<T>(look: () => T): Promise<T> {
    return this.#add<T>({ look })
  }

  alone<T>(alone: () => T): Promise<T> {
    return this.#add<T>({ alone })
  }

  /** Finishes the queued work and refuses anything new. */
  async close(): Promise<void> {
    this.#closed = true
    this.#probe?.cancel()
    await this.#flushing
  }

  #add<T>(work: Work): Promise<T> {
    if (this.#closed) return Promise.reject(new DatastoreUnavailableError('the authority is shutting down'))
    return new Promise((resolve, reject) => {
      this.#waiting.push({ ...work, resolve, reject })
      this.#flushing ??= this.#flush()
    })
  }

  async #flush(): Promise<void> {
    while (this.#waiting.length > 0) {
      await setImmediate()
      if (!this.#isAloneNext()) await this.#commitBatch()
      while (this.#isAloneNext()) this.#doAlone(this.#waiting.shift() as Waiting)
    }
    this.#flushing = undefined
  }

  #isAloneNext(): boolean {
    const next = this.#waiting[0]
    return next !== undefined && 'alone' in next
  }

  #doAlone(waiting: Waiting): void {
    try {
      waiting.resolve(('alone' in waiting ? waiting.alone() : undefined) as never)
    } catch (error) {
      waiting.reject(storageFailure(error) ?? error)
    }
  }

  async #commitBatch(): Promise<void> {
    const startMs = this.#clock.monotonicMs()
    const settled: Settled = { done: [], failed: [] }
    let taken = 0
    let announce: () => void
    try {
      this.#batch.begin()
      while (taken < BATCH_ROWS && this.#batch.rows < BATCH_ROWS) {
        const waiting = this.#waiting[taken]
        if (!waiting || 'alone' in waiting) break
        taken++
        if ('events' in waiting) {
          this.#batch.append(waiting.events)
          settled.done.push({ waiting, result: undefined })
        } else await this.#carryOut(waiting, settled)
      }
      announce = this.#batch.commit()
    } catch (error) {
      this.#fail(this.#waiting.splice(0, taken === 0 ? BATCH_ROWS : taken), error)
      return
    }
    this.#waiting.splice(0, taken)
    this.#observe(this.#clock.monotonicMs() - startMs)
    this.#announce(announce)
    for (const { waiting, result } of settled.done) waiting.resolve(result as never)
    for (const { waiting, error } of settled.failed) waiting.reject(error)
  }

  /** A failing task fails alone, unless the storage failed. */
  async #carryOut(waiting: Waiting, { done, failed }: Settled): Promise<void> {
    try {
      if ('task' in waiting) done.push({ waiting, result: await this.#batch.run(waiting.task) })
      else if ('look' in waiting) done.push({ waiting, result: waiting.look() })
    } catch (error) {
      if (storageFailure(error)) throw error
      failed.push({ waiting, error })
    }
  }

  #announce(announce: () => void): void {
    try {
      announce()
    } catch (error) {
      // A listener's bug must not make a durable change look like a failed one.
      this.#logger.error({ err: error }, 'a listener failed after a commit')
    }
  }

  #observe(ms: number): void {
    this.#commitSeconds.observe(ms / 1000)
    this.#problem = undefined
    if (ms <= STALLED_MS) return
    this.#logger.warn({ event: 'audit.stalled', seconds: ms / 1000 }, 'a commit was slow')
    this.#report(`the disk is slow: the last commit took ${(ms / 1000).toFixed(1)} s`)
  }

  /** Rejects the whole batch: nothing of it was kept, whichever task met the failure. */
  #fail(batch: readonly Waiting[], error: unknown): void {
    try {
      this.#batch.rollback()
    } catch (rollbackError) {
      // SQLite rolls back by itself at the next use of the connection. The first error is the one to
      // report.
      this.#logger.error({ error: messageOf(rollbackError) }, 'rollback failed')
    }
    const shown = storageFailure(error) ?? error
    if (this.#problem === undefined) {
      this.#logger.error(
        { event: 'audit.stalled', error: messageOf(shown), cause: messageOf(error) },
        'commit failed',
      )
    }
    this.#report(messageOf(shown))
    for (const { reject } of batch) reject(shown)
  }

  /**
   * Tries a small commit every PROBE_MS until one succeeds, so that the problem is cleared even when
   * nothing else is written.
   */
  #report(problem: string): void {
    this.#problem = problem
    this.#probe?.cancel()
    if (this.#closed) return
    this.#probe = this.#clock.schedule(PROBE_MS, () => {
      if (this.#problem === undefined) return
      this.run((tx) => writeMeta(tx, 'write_probe', '1')).catch(() => undefined) // it was reported already
    })
  }
}
