import type { Clock, Scheduled } from '../../foundation/clock.ts'
import { messageOf } from '../../foundation/errors.ts'
import type { Logger } from '../../foundation/logger.ts'
import type { AuditLog } from '../audit/audit-log.ts'
import { RefusedError } from '../audit/errors.ts'
import type { AuditEvents } from '../audit/events.ts'
import type { Writer } from '../datastore/writer.ts'
import { RateLimiter } from '../rate-limiter.ts'

export interface JoinRefusalsDeps {
  readonly audit: Pick<AuditLog, 'newReference' | 'within' | 'record'>
  readonly clock: Clock
  readonly logger: Logger
}

/** Rows from all addresses together: whoever has many of them shall not fill the disk. */
const ROWS = { perSecond: 1, burst: 500, maxKeys: 1 }
/** What comes above that is told by one row, once in so long. */
const SUM_MS = 60_000

interface Sum {
  readonly reference: string
  readonly firstMs: number
  readonly timer: Scheduled
  lastMs: number
  count: number
}

/** Records refused joins: each by itself while they are few, and their number when somebody floods the authority with them. */
export class JoinRefusals implements AsyncDisposable {
  readonly #deps: JoinRefusalsDeps
  readonly #rows: RateLimiter
  #sum: Sum | undefined

  constructor(deps: JoinRefusalsDeps) {
    this.#deps = deps
    this.#rows = new RateLimiter(ROWS, deps.clock)
  }

  /** What the refused caller hears; the reference leads to the row of this refusal, or to the one that counts it. */
  record(writer: Writer, detail: AuditEvents['join.refused']): RefusedError {
    const { audit, logger } = this.#deps
    if (!this.#rows.tryTake('')) return new RefusedError(this.#count(), detail.reason)
    const reference = audit.newReference()
    audit.within(writer, 'join.refused', 'anonymous', detail, reference)
    logger.warn({ event: 'join.refused', ref: reference, ...detail }, 'join refused')
    return new RefusedError(reference, detail.reason)
  }

  /** Records what was only counted so far. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#flush()
  }

  #count(): string {
    const { audit, clock } = this.#deps
    const nowMs = clock.now().getTime()
    this.#sum ??= {
      reference: audit.newReference(),
      firstMs: nowMs,
      lastMs: nowMs,
      count: 0,
      timer: clock.schedule(SUM_MS, () => void this.#flush()),
    }
    this.#sum.lastMs = nowMs
    this.#sum.count += 1
    return this.#sum.reference
  }

  async #flush(): Promise<void> {
    if (!this.#sum) return
    const { reference, firstMs, lastMs, count, timer } = this.#sum
    this.#sum = undefined
    timer.cancel()
    const { audit, logger } = this.#deps
    const detail = { count, firstMs, lastMs }
    logger.warn({ event: 'join.refused_more', ref: reference, ...detail }, 'more joins refused')
    try {
      await audit.record('join.refused_more', 'anonymous', detail, reference)
    } catch (error) {
      logger.error({ ref: reference, error: messageOf(error) }, 'cannot record refused joins')
    }
  }
}
