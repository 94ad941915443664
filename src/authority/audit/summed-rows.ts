import type { Clock, Scheduled } from '../../foundation/clock.ts'
import { messageOf } from '../../foundation/errors.ts'
import type { Logger } from '../../foundation/logger.ts'
import { RateLimiter } from '../rate-limiter.ts'
import type { AuditEntry } from './events.ts'

/** Occurrences that were counted instead of getting a row each. */
export interface RowSum {
  readonly count: number
  readonly firstMs: number
  readonly lastMs: number
  /** How many per reason, for the first few reasons. */
  readonly reasons: Readonly<Record<string, number>>
}

/** One occurrence that is to be recorded. */
export interface Noted {
  /** Whose row budget this uses. Occurrences above it are summed per key. */
  readonly key: string
  /**
   * One of several callers that share the budget of a key. Each sharer also has a budget of its own,
   * so that one cannot use up the rows of the others.
   */
  readonly sharer?: string
  /**
   * Veiled sums all get the same reference, so that a caller cannot find out which key its occurrence
   * was counted under.
   */
  readonly isVeiled?: boolean
  readonly reason: string
  /** When it stands for several occurrences: how many, and when. Default: one, now. */
  readonly times?: { readonly count: number; readonly firstMs: number; readonly lastMs: number }
  /** Makes the row for this occurrence alone. */
  readonly entry: (reference: string) => AuditEntry
  /** Makes the row that sums it up with others. */
  readonly summed: (sum: RowSum, reference: string) => AuditEntry
}

export interface SummedRowsDeps {
  readonly audit: { recordAll(entries: readonly AuditEntry[]): Promise<void>; newReference(): string }
  readonly clock: Clock
  readonly logger: Logger
}

interface RowBudget {
  /** Rows per key: how many in a burst, and how many per second after that. */
  readonly burst: number
  readonly perSecond: number
  /** The budget of each sharer. */
  readonly share?: { readonly burst: number; readonly perSecond: number }
}

interface OpenSum {
  readonly reference: string
  readonly reasons: Map<string, number>
  /** From the last occurrence; all occurrences of a key make the same row. */
  summed: Noted['summed']
  firstMs: number
  lastMs: number
  count: number
}

/** Each key with occurrences above its budget gets one summed row in this interval … */
const SUM_MS = 60_000
/** … or sooner, when this many keys have one. */
const MAX_SUMS = 1_000
const MAX_KEYS = 100_000
const MAX_REASONS = 8
const MAX_REASON_LENGTH = 128

/**
 * Limits the rows that a caller can cause just by asking. A few are recorded one by one; beyond the
 * budget they are counted and recorded as a sum.
 */
export class SummedRows implements AsyncDisposable {
  readonly #deps: SummedRowsDeps
  readonly #rows: RateLimiter
  readonly #shares: RateLimiter | undefined
  #sums = new Map<string, OpenSum>()
  /** The reference that all veiled sums share until the next flush. */
  #veil: string | undefined
  #timer: Scheduled | undefined

  constructor(deps: SummedRowsDeps, { burst, perSecond, share }: RowBudget) {
    this.#deps = deps
    this.#rows = new RateLimiter({ burst, perSecond, maxKeys: MAX_KEYS }, deps.clock)
    this.#shares = share && new RateLimiter({ ...share, maxKeys: MAX_KEYS }, deps.clock)
  }

  /**
   * Returns the row for the caller to record, with its reference; or, above the budget, only the
   * reference of the sum that will count it.
   */
  note(noted: Noted): { readonly reference: string; readonly entry?: AuditEntry } {
    if (!this.#hasRow(noted)) return { reference: this.#count(noted) }
    const reference = this.#deps.audit.newReference()
    return { reference, entry: noted.entry(reference) }
  }

  /** Records the sums counted so far. */
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
      // The occurrences themselves were handled already; only their count is lost.
      this.#deps.logger.error({ rows: entries.length, error: messageOf(error) }, 'cannot record a sum')
    }
  }
}
