import type { AuditEntry, AuditedTimes } from './events.ts'
import { SummedRows, type SummedRowsDeps } from './summed-rows.ts'

/** Rows per instance. An honest agent drops reports only during a flood. */
const ROWS = { burst: 64, perSecond: 0.1 }

/** Records what agents could not report: one row per user while that is rare, a sum when it is frequent. */
export class GivenUp implements AsyncDisposable {
  readonly #rows: SummedRows

  constructor(deps: SummedRowsDeps) {
    this.#rows = new SummedRows(deps, ROWS)
  }

  /** The row for one user; undefined when it will be counted in a sum instead. */
  rowOf(
    subject: { readonly bot: string; readonly botInstance: string },
    actor: string,
    seen: AuditedTimes & { readonly uid: number; readonly adjusted?: true },
  ): AuditEntry | undefined {
    const { uid, count, firstMs, lastMs } = seen
    return this.#rows.note({
      key: subject.botInstance,
      reason: String(uid),
      times: { count, firstMs, lastMs },
      entry: () => ({ event: 'report.given_up', actor, detail: { ...subject, ...seen } }),
      summed: ({ reasons: uids, ...sum }) => ({
        event: 'report.given_up_more',
        actor,
        detail: { ...subject, ...sum, uids },
      }),
    }).entry
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#rows[Symbol.asyncDispose]()
  }
}
