import type { Clock, Scheduled } from '../../foundation/clock.ts'
import type { Logger } from '../../foundation/logger.ts'
import type { ReportedEvent } from '../../rpc/gen/signet/v1/ReportedEvent.ts'
import { RpcError, StatusCode } from '../../rpc/status.ts'
import type { AuthorityClient } from '../authority-door.ts'
import type { DeliveryReporter } from '../knowledge.ts'
import { shorten } from './shorten.ts'

export interface ReporterDeps {
  /** @throws RpcError while there is none */
  readonly client: () => AuthorityClient
  readonly clock: Clock
  readonly logger: Logger
}

interface Pending {
  readonly event: 'identity.denied' | 'svid.delivered'
  readonly detailJson: string
  readonly firstMs: number
  lastMs: number
  count: number
}

/** What is gathered for so long is told together … */
const GATHER_MS = 5_000
/** … this many in one report, the next of which follows no sooner than the authority takes it. */
const REPORT_SIZE = 200
const BETWEEN_MS = 1_500
const AWAY_MS = 30_000
/** While the authority is away, the oldest go first. */
const PENDING_MOST = 2_000
const DEADLINE_MS = 10_000

/** Tells the authority's audit log what this agent refused and delivered: added up, now and then, never in anybody's way. */
export class Reporter implements DeliveryReporter, AsyncDisposable {
  readonly #deps: ReporterDeps
  readonly #pending = new Map<string, Pending>()
  #timer: Scheduled | undefined
  #sending: Promise<boolean> | undefined
  #dropped = 0
  #closed = false

  constructor(deps: ReporterDeps) {
    this.#deps = deps
  }

  denied(detail: object): void {
    this.#note('identity.denied', detail)
  }

  delivered(detail: object): void {
    this.#note('svid.delivered', detail)
  }

  /** Tells what is left, if the authority is there to hear it. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true
    this.#timer?.cancel()
    await this.#sending
    while (this.#pending.size > 0 && (await this.#send(1_000))) {
      // as long as it goes well
    }
  }

  #note(event: Pending['event'], detail: object): void {
    // How often is no fact of one occurrence: what differs in nothing else is one line with a higher count.
    const { count = 1, ...facts } = detail as { readonly count?: number }
    const detailJson = shorten(facts)
    const key = `${event} ${detailJson}`
    const nowMs = this.#deps.clock.now().getTime()
    const known = this.#pending.get(key)
    if (known !== undefined) {
      known.count += count
      known.lastMs = nowMs
      return
    }
    this.#pending.set(key, { event, detailJson, firstMs: nowMs, lastMs: nowMs, count })
    this.#limit()
    this.#sendIn(GATHER_MS)
  }

  #limit(): void {
    if (this.#pending.size <= PENDING_MOST) return
    const [oldest] = this.#pending.keys()
    if (oldest !== undefined) this.#pending.delete(oldest)
    this.#dropped += 1
  }

  #sendIn(ms: number): void {
    if (this.#closed || this.#timer !== undefined || this.#sending !== undefined) return
    this.#timer = this.#deps.clock.schedule(ms, () => {
      this.#timer = undefined
      this.#sending = this.#send(DEADLINE_MS)
      void this.#sending.then((isHeard) => {
        this.#sending = undefined
        if (this.#pending.size > 0) this.#sendIn(isHeard ? BETWEEN_MS : AWAY_MS)
      })
    })
  }

  /** False when nobody heard it; it is then kept for the next time, unless the authority will never take it. */
  async #send(deadlineMs: number): Promise<boolean> {
    const entries = [...this.#pending].slice(0, REPORT_SIZE)
    for (const [key] of entries) this.#pending.delete(key)
    const events: ReportedEvent[] = entries.map(([, { event, count, firstMs, lastMs, detailJson }]) => ({
      event,
      count,
      firstMs: String(firstMs),
      lastMs: String(lastMs),
      detailJson,
    }))
    try {
      await this.#deps.client().unary('signet.v1.ReportService', 'Report', { events }, { deadlineMs })
      this.#tellOfLoss()
      return true
    } catch (error) {
      // Not said louder: that the authority is away is said where it matters, and what happened stands in our log.
      this.#deps.logger.debug({ event: 'report.failed', err: error }, 'a report was not heard')
      // An authority of another version may not know an event: kept, it would stand in the way of all others for good.
      if (error instanceof RpcError && error.status === StatusCode.INVALID_ARGUMENT)
        this.#dropped += entries.length
      else this.#putBack(entries)
      return false
    }
  }

  #putBack(entries: readonly (readonly [string, Pending])[]): void {
    const newer = [...this.#pending]
    this.#pending.clear()
    for (const [key, pending] of [...entries, ...newer]) {
      const known = this.#pending.get(key)
      if (known === undefined) this.#pending.set(key, pending)
      else {
        known.count += pending.count
        known.lastMs = pending.lastMs
      }
      this.#limit()
    }
  }

  #tellOfLoss(): void {
    if (this.#dropped === 0) return
    this.#deps.logger.warn({ event: 'report.dropped', dropped: this.#dropped }, 'older reports were given up')
    this.#dropped = 0
  }
}
