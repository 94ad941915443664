import type { Clock, Scheduled } from '../../foundation/clock.ts'
import { messageOf } from '../../foundation/errors.ts'
import type { Logger } from '../../foundation/logger.ts'
import { RateLimiter } from '../rate-limiter.ts'
import type { AuditEntry } from './events.ts'

/** So many occurrences that have no row of their own. */
export interface RowSum {
  readonly count: number
  readonly firstMs: number
  readonly lastMs: number
  /** How many of them for which reason; the first few reasons. */
  readonly reasons: Readonly<Record<string, number>>
}

/** One occurrence on its way into the log. */
export interface Noted {
  /** Whose rows these count as, and in which sum those above the budget are. */
  readonly key: string
  /** One of many who share the rows of a key, or of several: whoever has used up a share has none of the others'. */
  readonly sharer?: string
  /** Its sum is told under the reference of all such sums, from which nobody can learn the key. */
  readonly isVeiled?: boolean
  readonly reason: string
  /** When it stands for several: how many, and when. One, now, unless told. */
  readonly times?: { readonly count: number; readonly firstMs: number; readonly lastMs: number }
  /** Its own row. */
  readonly entry: (reference: string) => AuditEntry
  /** The row that tells of it together with others. */
  readonly summed: (sum: RowSum, reference: string) => AuditEntry
}

export interface SummedRowsDeps {
  readonly audit: { recordAll(entries: readonly AuditEntry[]): Promise<void>; newReference(): string }
  readonly clock: Clock
  readonly logger: Logger
}

export interface RowBudget {
  /** Rows of one key, at once and afterwards. */
  readonly burst: number
  readonly perSecond: number
  /** Of each sharer. */
  readonly share?: { readonly burst: number; readonly perSecond: number }
}

interface Sum {
  readonly reference: string
  readonly reasons: Map<string, number>
  /** Of the last one; all of one key are told in the same way. */
  summed: Noted['summed']
  firstMs: number
  lastMs: number
  count: number
}

/** What is above the budget is told by one row for each key, once in so long … */
const SUM_MS = 60_000
/** … or sooner, when so many keys have something to tell. */
const MAX_SUMS = 1_000
const MAX_KEYS = 100_000
const MAX_REASONS = 8
const MAX_REASON_LENGTH = 128

/** Rows that somebody causes just by asking: each by itself while they are few, and their number when there are many. */
export class SummedRows implements AsyncDisposable {
  readonly #deps: SummedRowsDeps
  readonly #rows: RateLimiter
  readonly #shares: RateLimiter | undefined
  #sums = new Map<string, Sum>()
  /** Of the sums that are veiled. */
  #veil: string | undefined
  #timer: Scheduled | undefined

  constructor(deps: SummedRowsDeps, { burst, perSecond, share }: RowBudget) {
    this.#deps = deps
    this.#rows = new RateLimiter({ burst, perSecond, maxKeys: MAX_KEYS }, deps.clock)
    this.#shares = share && new RateLimiter({ ...share, maxKeys: MAX_KEYS }, deps.clock)
  }

  /** The reference leads to the row of this occurrence, which the caller records, or to the one that will count it. */
  note(noted: Noted): { readonly reference: string; readonly entry?: AuditEntry } {
    if (!this.#hasRow(noted)) return { reference: this.#count(noted) }
    const reference = this.#deps.audit.newReference()
    return { reference, entry: noted.entry(reference) }
  }

  /** Records what was only counted so far. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#flush()
  }

  #hasRow({ key, sharer }: Noted): boolean {
    if (sharer !== undefined && this.#shares?.tryTake(sharer) === false) return false
    return this.#rows.tryTake(key)
  }

  #count({ key, reason, times, summed, isVeiled }: Noted): string {
    const nowMs = this.#deps.clock.now().getTime()
    const { count, firstMs, lastMs } = times ?? { count: 1, firstMs: nowMs, lastMs: nowMs }
    let sum = this.#sums.get(key)
    if (!sum) {
      const reference = isVeiled ? this.#veiled() : this.#deps.audit.newReference()
      sum = { reference, firstMs, lastMs, count: 0, reasons: new Map(), summed }
      this.#sums.set(key, sum)
    }
    sum.firstMs = Math.min(sum.firstMs, firstMs)
    sum.lastMs = Math.max(sum.lastMs, lastMs)
    sum.count += count
    sum.summed = summed
    const short = reason.slice(0, MAX_REASON_LENGTH)
    const known = sum.reasons.get(short)
    if (known !== undefined || sum.reasons.size < MAX_REASONS) sum.reasons.set(short, (known ?? 0) + count)
    if (this.#sums.size >= MAX_SUMS) void this.#flush()
    else this.#timer ??= this.#deps.clock.schedule(SUM_MS, () => void this.#flush())
    return sum.reference
  }

  #veiled(): string {
    this.#veil ??= this.#deps.audit.newReference()
    return this.#veil
  }

  async #flush(): Promise<void> {
    this.#timer?.cancel()
    this.#timer = undefined
    if (this.#sums.size === 0) return
    const entries = Array.from(
      this.#sums.values(),
      ({ reference, count, firstMs, lastMs, reasons, summed }) =>
        summed({ count, firstMs, lastMs, reasons: Object.fromEntries(reasons) }, reference),
    )
    this.#sums = new Map()
    this.#veil = undefined
    try {
      await this.#deps.audit.recordAll(entries)
    } catch (error) {
      // What happened stands whether or not it could be counted.
      this.#deps.logger.error({ rows: entries.length, error: messageOf(error) }, 'cannot record a sum')
    }
  }
}
