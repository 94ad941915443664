import type { Clock } from '../../foundation/clock.ts'
import type { Logger } from '../../foundation/logger.ts'
import { addressKey } from '../../rpc/address-key.ts'
import type { AuditLog } from '../audit/audit-log.ts'
import { RefusedError } from '../audit/errors.ts'
import type { AuditEvents } from '../audit/events.ts'
import { SummedRows } from '../audit/summed-rows.ts'
import type { Transaction } from '../datastore/ports.ts'

export interface JoinRefusalsDeps {
  readonly audit: Pick<AuditLog, 'newReference' | 'within' | 'recordAll'>
  readonly clock: Clock
  readonly logger: Logger
}

/**
 * How far a joiner came: it named no token that there is, or has not shown that it holds the key it names; it
 * did not prove what the token asks for; or it did.
 */
export type Standing = 'unknown' | 'unproven' | 'proven'

/**
 * Each row of the log is paid for by whoever it is about. Whoever has proven what a token asks for is known by
 * that, so nobody else can use up the rows of its token. Whoever guesses shares rows with all others who guess
 * at the same thing, and has no more of them than one address, whatever it guesses at: with rows for each token,
 * or a reference for the sum of each, it would learn which there are.
 */
const ROWS = { burst: 500, perSecond: 1, share: { burst: 20, perSecond: 0.05 } }

/**
 * Records refused joins: each by itself while they are few, and their number when somebody floods the
 * authority with them.
 */
export class JoinRefusals implements AsyncDisposable {
  readonly #deps: JoinRefusalsDeps
  readonly #rows: SummedRows

  constructor(deps: JoinRefusalsDeps) {
    this.#deps = deps
    this.#rows = new SummedRows(deps, ROWS)
  }

  /**
   * What the refused caller hears; the reference leads to the row of this refusal, or to the one that counts
   * it.
   */
  record(tx: Transaction, detail: AuditEvents['join.refused'], standing: Standing): RefusedError {
    const { audit, logger } = this.#deps
    const { joinToken, reason, address } = detail
    const token = standing === 'unknown' ? {} : { joinToken } // it exists, so there are not very many
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

  /** Records what was only counted so far. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#rows[Symbol.asyncDispose]()
  }

  #summed(detail: AuditEvents['join.refused_more'], ref: string) {
    this.#deps.logger.warn({ event: 'join.refused_more', ref, ...detail }, 'more joins refused')
    return { event: 'join.refused_more', actor: 'anonymous', ref, detail } as const
  }
}
