import type { Clock, Scheduled } from '../../foundation/clock.ts'
import type { Logger } from '../../foundation/logger.ts'
import type { ReportedEvent } from '../../rpc/gen/signet/v1/ReportedEvent.ts'
import type { ReportRequest } from '../../rpc/gen/signet/v1/ReportRequest.ts'
import { RpcError, StatusCode } from '../../rpc/status.ts'
import type { AuthorityClient } from '../uplink/authority-door.ts'
import type { Delivered, DeliveryReporter, SeenProcess, SeenTimes } from './delivery-reporter.ts'
import { type PendingEvent, PendingReports } from './pending-reports.ts'
import { shortDeliveries, timesMessage, toMessages } from './report-message.ts'

interface ReporterDeps {
  /** @throws RpcError while there is no connection */
  readonly client: () => AuthorityClient
  readonly clock: Clock
  readonly logger: Logger
}

/** Events are gathered for this long before they are reported. */
const GATHER_MS = 2_000
/**
 * Events per report, and the interval to the next one, which matches the rate that the authority
 * accepts.
 */
const MAX_REPORT_SIZE = 200
const BETWEEN_MS = 1_500
const AWAY_MS = 30_000
const MAX_GIVEN_UP = 64
const DEADLINE_MS = 10_000

type GivenUpByUser = readonly (readonly [uid: number, times: SeenTimes])[]

/**
 * Reports refusals and deliveries to the authority's audit log: aggregated, at intervals, in the
 * background.
 */
export class Reporter implements DeliveryReporter, AsyncDisposable {
  readonly #deps: ReporterDeps
  readonly #pending = new PendingReports()
  #size = MAX_REPORT_SIZE
  #timer: Scheduled | undefined
  #sending: Promise<boolean> | undefined
  #closed = false

  constructor(deps: ReporterDeps) {
    this.#deps = deps
  }

  denied(process: SeenProcess, reason: string, times: SeenTimes): void {
    this.#pending.add(`denied ${reason}`, { denied: reason }, process, times)
    this.#sendIn(GATHER_MS)
  }

  delivered(process: SeenProcess, response: Delivered, times: SeenTimes): void {
    for (const delivered of shortDeliveries(response))
      this.#pending.add(keyOf(delivered), { delivered }, process, times)
    this.#sendIn(GATHER_MS)
  }

  /** Sends what is left, if the authority can be reached. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true
    this.#timer?.cancel()
    await this.#sending
    while (!this.#pending.isEmpty && (await this.#send(1_000))) {
      // Until one fails.
    }
  }

  #sendIn(ms: number): void {
    if (this.#closed || this.#timer !== undefined || this.#sending !== undefined) return
    this.#timer = this.#deps.clock.schedule(ms, () => {
      this.#timer = undefined
      this.#sending = this.#send(DEADLINE_MS)
      void this.#sending.then((isHeard) => {
        this.#sending = undefined
        if (!this.#pending.isEmpty) this.#sendIn(isHeard ? BETWEEN_MS : AWAY_MS)
      })
    })
  }

  /**
   * Sends one report. On failure returns false and keeps the events for the next report, unless the
   * authority will never accept them.
   */
  async #send(deadlineMs: number): Promise<boolean> {
    const { taken, events } = this.#takeEvents()
    const givenUp = this.#pending.takeGivenUp(MAX_GIVEN_UP)
    const request: ReportRequest = {
      events,
      givenUp: givenUp.map(([uid, times]) => ({ uid, times: timesMessage(times) })),
    }
    try {
      await this.#deps.client().unary('signet.v1.ReportService', 'Report', request, { deadlineMs })
      this.#logLosses(givenUp)
      this.#size = MAX_REPORT_SIZE
      return true
    } catch (error) {
      // Debug only: the lost connection is logged elsewhere, and the events are in this agent's own
      // log.
      this.#deps.logger.debug({ event: 'report.failed', err: error }, 'a report was not heard')
      this.#keep(taken, givenUp, error)
      return false
    }
  }

  #takeEvents(): { readonly taken: PendingEvent[]; readonly events: ReportedEvent[] } {
    const taken: PendingEvent[] = []
    const events: ReportedEvent[] = []
    this.#pending.take((event) => {
      const messages = toMessages(event)
      if (events.length > 0 && events.length + messages.length > this.#size) return false
      taken.push(event)
      events.push(...messages)
      return true
    })
    return { taken, events }
  }

  /**
   * Keeps events after a failure. If the authority refuses them as invalid, as one of another
   * version may, smaller reports follow until the invalid event is alone; that one is dropped.
   */
  #keep(taken: readonly PendingEvent[], givenUp: GivenUpByUser, error: unknown): void {
    const isRefused = error instanceof RpcError && error.status === StatusCode.INVALID_ARGUMENT
    if (isRefused && taken.length === 1) for (const event of taken) this.#pending.giveUp(event)
    else for (const event of taken) this.#pending.putBack(event)
    if (isRefused) this.#size = Math.max(1, Math.floor(Math.min(this.#size, taken.length) / 4))
    this.#pending.putBackGivenUp(givenUp)
  }

  /** Logs the losses, now that the authority has been told of them. */
  #logLosses(givenUp: GivenUpByUser): void {
    for (const [uid, { count }] of givenUp)
      this.#deps.logger.warn(
        { event: 'report.given_up', uid, count },
        'reports to the authority were dropped',
      )
  }
}

function keyOf({ svids }: Delivered): string {
  return svids.map((svid) => ('serial' in svid ? svid.serial : svid.jti)).join(' ')
}
