import type { AuditEntry, AuditedTimes } from './events.ts'
import { SummedRows, type SummedRowsDeps } from './summed-rows.ts'

/** Rows of one instance. An agent gives up under a flood, which takes minutes; one that always has something to give up is not ours. */
const ROWS = { burst: 64, perSecond: 0.1 }

/** What agents say that they could not report: by user while that is told now and then, and together when it is told all the time. */
export class GivenUp implements AsyncDisposable {
  readonly #rows: SummedRows

  constructor(deps: SummedRowsDeps) {
    this.#rows = new SummedRows(deps, ROWS)
  }

  /** The row of what one user caused, or undefined: it will be counted with others. */
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
