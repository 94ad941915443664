import type { Clock } from '../../foundation/clock.ts'
import { messageOf } from '../../foundation/errors.ts'
import type { Logger } from '../../foundation/logger.ts'
import type { AuditEntry, AuditEvents } from '../audit/events.ts'
import { SummedRows } from '../audit/summed-rows.ts'
import type { BotCaller } from '../caller.ts'

interface UsedTwiceDeps {
  readonly audit: { recordAll(entries: readonly AuditEntry[]): Promise<void>; newReference(): string }
  readonly clock: Clock
  readonly logger: Logger
}

type Detail = AuditEvents['bot.used_twice']

/** Rows per instance: the first few say everything. */
const ROWS = { burst: 3, perSecond: 1 / 3600 }

/**
 * Records that two parties use the certificate of one bot instance: a copied data directory, a cloned
 * machine or a thief.
 */
export class UsedTwice implements AsyncDisposable {
  readonly #deps: UsedTwiceDeps
  readonly #rows: SummedRows

  constructor(deps: UsedTwiceDeps) {
    this.#deps = deps
    this.#rows = new SummedRows(deps, ROWS)
  }

  note(older: BotCaller, newer: BotCaller, on: Detail['on']): void {
    const { audit, clock, logger } = this.#deps
    const { bot, instanceId: botInstance } = newer
    const actor = `bot:${bot}/${botInstance}`
    const nowMs = clock.now().getTime()
    const seen = {
      bot,
      botInstance,
      generation: newer.generation,
      addresses: [plain(older.address), plain(newer.address)] as const,
      on,
    }
    const entryOf = (ref: string, times: Pick<Detail, 'count' | 'firstMs' | 'lastMs'>): AuditEntry => ({
      event: 'bot.used_twice',
      actor,
      ref,
      detail: { ...seen, ...times },
    })
    const { reference, entry } = this.#rows.note({
      key: botInstance,
      reason: on,
      entry: (ref) => entryOf(ref, { count: 1, firstMs: nowMs, lastMs: nowMs }),
      summed: ({ count, firstMs, lastMs }, ref) => entryOf(ref, { count, firstMs, lastMs }),
    })
    if (!entry) return
    logger.warn(
      { event: 'bot.used_twice', ref: reference, ...seen },
      'two parties use the certificate of one bot instance',
    )
    audit.recordAll([entry]).catch((error) => {
      logger.error({ ref: reference, error: messageOf(error) }, 'cannot record a use by two')
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#rows[Symbol.asyncDispose]()
  }
}

/** A dual-stack listener reports IPv4 addresses in IPv6 form (`::ffff:192.0.2.1`). */
function plain(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.)/i, '')
}
