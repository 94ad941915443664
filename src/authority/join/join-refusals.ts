import type { Clock } from '../../foundation/clock.ts'
import type { Logger } from '../../foundation/logger.ts'
import { addressKey } from '../../rpc/address-key.ts'
import type { AuditLog } from '../audit/audit-log.ts'
import { RefusedError } from '../audit/errors.ts'
import type { AuditEvents } from '../audit/events.ts'
import { SummedRows } from '../audit/summed-rows.ts'
import type { Transaction } from '../datastore/ports.ts'

interface JoinRefusalsDeps {
  readonly audit: Pick<AuditLog, 'newReference' | 'within' | 'recordAll'>
  readonly clock: Clock
  readonly logger: Logger
}

/**
 * How far a joiner got. `unknown`: it named no existing token, or did not prove possession of its
 * key. `unproven`: it did not prove what the token asks for. `proven`: it did.
 */
export type Standing = 'unknown' | 'unproven' | 'proven'

/**
 * The budget of audit rows for refusals. A joiner that proved what a token asks for uses the rows of
 * that token, which nobody else can use up. Joiners that guess share rows with everybody who guesses
 * the same thing, and one address gets only a small share of them whatever it guesses. Rows per
 * token, or a reference per token's sum, would disclose which tokens exist.
 */
const ROWS = { burst: 500, perSecond: 1, share: { burst: 20, perSecond: 0.05 } }

/** Records refused joins: one by one while they are few, and summed during a flood. */
export class JoinRefusals implements AsyncDisposable {
  readonly #deps: JoinRefusalsDeps
  readonly #rows: SummedRows

  constructor(deps: JoinRefusalsDeps) {
    this.#deps = deps
    this.#rows = new SummedRows(deps, ROWS)
  }

  /**
   * Records a refusal and returns the error for the caller. Its reference leads to the row of this
   * refusal, or to the row that sums it up.
   */
  record(tx: Transaction, detail: AuditEvents['join.refused'], standing: Standing): RefusedError {
    const { audit, logger } = this.#deps
    const { joinToken, reason, address } = detail
    const token = standing === 'unknown' ? {} : { joinToken } // it exists, so keys are bounded
    const isGuess = standing !== 'proven'
    const key = JSON.stringify([token, standing === 'unproven'])
    const sharer = addressKey(address)
    const { reference, entry } = this.#rows.note({
      key,
      sharer: isGuess ? sharer : `${key} ${sharer}`,
      isVeiled: isGuess,
      reason,
      entry: (ref) => ({ event: 'join.refused', actor: 'anonymous', ref, detail }),
      summed: (sum, ref) => this.#summed({ ...token, ...sum }, ref),
    })
    if (entry) {
      audit.within(tx, 'join.refused', 'anonymous', detail, reference)
      logger.warn({ event: 'join.refused', ref: reference, ...detail }, 'join refused')
    }
    return new RefusedError(reference, detail.reason)
  }

  /** Records the sums counted so far. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#rows[Symbol.asyncDispose]()
  }

  #summed(detail: AuditEvents['join.refused_more'], ref: string) {
    this.#deps.logger.warn({ event: 'join.refused_more', ref, ...detail }, 'more joins refused')
    return { event: 'join.refused_more', actor: 'anonymous', ref, detail } as const
  }
}
