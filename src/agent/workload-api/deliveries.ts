import type { Clock, Scheduled } from '../../foundation/clock.ts'
import type { DeliveryReporter } from '../knowledge.ts'

const FLUSH_MS = 10_000
/** Different responses counted between two reports. */
const LIMIT = 4_096

/** What was delivered: a kind, whose, and serials or audiences. */
export interface Delivered {
  readonly kind: string
  readonly spiffeIds: readonly string[]
  readonly of: readonly string[]
}

/** Counts deliveries by response and reports the counts now and then: the same bytes go to thousands of calls a second. */
export class Deliveries implements Disposable {
  readonly #clock: Clock
  readonly #reporter: DeliveryReporter
  readonly #counts = new Map<object, { count: number; readonly delivered: Delivered }>()
  #timer: Scheduled | undefined

  constructor(clock: Clock, reporter: DeliveryReporter) {
    this.#clock = clock
    this.#reporter = reporter
  }

  /** `response` stands for what was sent: the same object again is the same response. */
  count(response: object, delivered: Delivered): void {
    const known = this.#counts.get(response)
    if (known !== undefined) {
      known.count += 1
      return
    }
    if (this.#counts.size >= LIMIT) this.flush()
    this.#counts.set(response, { count: 1, delivered })
    this.#timer ??= this.#clock.schedule(FLUSH_MS, () => this.flush())
  }

  flush(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    for (const { count, delivered } of this.#counts.values()) {
      const { kind, spiffeIds, of } = delivered
      this.#reporter.delivered({ kind, spiffe_ids: spiffeIds, of, count })
    }
    this.#counts.clear()
  }

  [Symbol.dispose](): void {
    this.flush()
  }
}
