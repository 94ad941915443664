import type { DatabaseSync } from 'node:sqlite'
import type { Clock, Scheduled } from '../../foundation/clock.ts'
import { messageOf } from '../../foundation/errors.ts'
import type { Logger } from '../../foundation/logger.ts'
import type { Histogram, Metrics } from '../../foundation/metrics.ts'
import { DatastoreUnavailableError, storageFailure } from './errors.ts'
import type { Sealer } from './seals/sealer.ts'
import { BatchWriter, type Writer } from './writer.ts'

/** Rows (and tasks) of one commit: 256 cost 1.5 ms, so nobody waits long behind a full batch (decision 0010). */
const BATCH_ROWS = 256

/** A commit that takes longer than this stops the whole authority; somebody should look at the disk. */
const STALLED_MS = 1000

/** While nothing can be stored, and after a slow commit, the disk is tried again so often. */
const PROBE_MS = 5000
const PROBE = `INSERT INTO meta (key, value) VALUES ('write_probe', '1')
  ON CONFLICT (key) DO UPDATE SET value = CAST(value AS INTEGER) + 1`

const COMMIT_BUCKETS = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5]

interface Waiting {
  readonly task: (writer: Writer) => unknown
  readonly resolve: (value: never) => void
  readonly reject: (error: unknown) => void
}

/** Gathers the writes that arrive in one turn of the event loop into one durable transaction. */
export class WriteQueue {
  readonly #writer: BatchWriter
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #commitSeconds: Histogram
  #waiting: Waiting[] = []
  #scheduled = false
  #problem: string | undefined
  #probe: Scheduled | undefined
  #closed = false

  constructor(db: DatabaseSync, sealer: Sealer, deps: { clock: Clock; metrics: Metrics; logger: Logger }) {
    this.#writer = new BatchWriter(db, sealer)
    this.#clock = deps.clock
    this.#logger = deps.logger
    this.#commitSeconds = deps.metrics.histogram(
      'audit_commit_seconds',
      'Time from BEGIN to durable of one transaction of the authority database',
      COMMIT_BUCKETS,
    )
  }

  /** Why nothing can be relied on to be stored now. */
  get problem(): string | undefined {
    return this.#problem
  }

  /** Resolves with the task's result when it is durable; rejects with what it threw, or when nothing can be stored. */
  add<T>(task: (writer: Writer) => T): Promise<T> {
    if (this.#closed) return Promise.reject(new DatastoreUnavailableError('the authority is shutting down'))
    return new Promise((resolve, reject) => {
      this.#waiting.push({ task, resolve, reject })
      if (this.#scheduled) return
      this.#scheduled = true
      setImmediate(() => this.#flush())
    })
  }

  /** Writes what waits, then refuses everything. */
  close(): void {
    this.#closed = true
    this.#probe?.cancel()
    while (this.#waiting.length > 0) this.#commitBatch()
  }

  #flush(): void {
    this.#scheduled = false
    if (this.#waiting.length > 0) this.#commitBatch()
    if (this.#waiting.length > 0 && !this.#scheduled) {
      this.#scheduled = true
      setImmediate(() => this.#flush())
    }
  }

  #commitBatch(): void {
    const startMs = this.#clock.monotonicMs()
    const done: { readonly waiting: Waiting; readonly result: unknown }[] = []
    const failed: { readonly waiting: Waiting; readonly error: unknown }[] = []
    let taken = 0
    let announce: () => void
    try {
      this.#writer.begin()
      while (taken < this.#waiting.length && taken < BATCH_ROWS && this.#writer.changedRows < BATCH_ROWS) {
        const waiting = this.#waiting[taken++] as Waiting
        try {
          done.push({ waiting, result: this.#writer.runTask(waiting.task) })
        } catch (error) {
          if (storageFailure(error)) throw error
          failed.push({ waiting, error })
        }
      }
      announce = this.#writer.commit()
    } catch (error) {
      this.#fail(this.#waiting.splice(0, taken === 0 ? BATCH_ROWS : taken), error)
      return
    }
    this.#waiting.splice(0, taken)
    this.#observe(this.#clock.monotonicMs() - startMs)
    this.#announce(announce)
    for (const { waiting, result } of done) waiting.resolve(result as never)
    for (const { waiting, error } of failed) waiting.reject(error)
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

  /** Nothing of the batch was kept, whichever of its tasks met the failure. */
  #fail(batch: readonly Waiting[], error: unknown): void {
    try {
      this.#writer.rollback()
    } catch (rollbackError) {
      // SQLite rolls back by itself when the connection is used next; the first error is the one to report.
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

  /** Until a commit goes well: also when nobody has anything to write, somebody may wait to hear that it would go well again. */
  #report(problem: string): void {
    this.#problem = problem
    this.#probe?.cancel()
    if (this.#closed) return
    this.#probe = this.#clock.schedule(PROBE_MS, () => {
      if (this.#problem === undefined) return
      this.add((writer) => writer.run(PROBE)).catch(() => undefined) // it has been reported again
    })
  }
}
