import type { Clock } from '../../foundation/clock.ts'
import type { Logger } from '../../foundation/logger.ts'
import type { AuditLog } from '../audit/audit-log.ts'
import { RefusedError } from '../audit/errors.ts'
import type { AuditEvents } from '../audit/events.ts'
import { type RowSum, SummedRows } from '../audit/summed-rows.ts'
import type { Transaction } from '../datastore/ports.ts'

export interface JoinRefusalsDeps {
  readonly audit: Pick<AuditLog, 'newReference' | 'within' | 'recordAll'>
  readonly clock: Clock
  readonly logger: Logger
}

/** Rows from all addresses together: whoever has many of them shall not fill the disk. */
const ROWS = { perSecond: 1, burst: 500 }
const ANYBODY = ''

/** Records refused joins: each by itself while they are few, and their number when somebody floods the authority with them. */
export class JoinRefusals implements AsyncDisposable {
  readonly #deps: JoinRefusalsDeps
  readonly #rows: SummedRows

  constructor(deps: JoinRefusalsDeps) {
    this.#deps = deps
    this.#rows = new SummedRows(deps, ROWS)
  }

  /** What the refused caller hears; the reference leads to the row of this refusal, or to the one that counts it. */
  record(tx: Transaction, detail: AuditEvents['join.refused']): RefusedError {
    const { audit, logger } = this.#deps
    const { reference, entry } = this.#rows.note({
      key: ANYBODY,
      reason: detail.reason,
      entry: (ref) => ({ event: 'join.refused', actor: 'anonymous', ref, detail }),
      summed: (sum, ref) => this.#summed(sum, ref),
    })
    if (entry) {
      audit.within(tx, 'join.refused', 'anonymous', detail, reference)
      logger.warn({ event: 'join.refused', ref: reference, ...detail }, 'join refused')
    }
    return new RefusedError(reference, detail.reason)
  }

  /** Records what was only counted so far. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#rows[Symbol.asyncDispose]()
  }

  #summed(sum: RowSum, ref: string) {
    this.#deps.logger.warn({ event: 'join.refused_more', ref, ...sum }, 'more joins refused')
    return { event: 'join.refused_more', actor: 'anonymous', ref, detail: sum } as const
  }
}
