import type { Clock } from '../../foundation/clock.ts'
import type { Logger } from '../../foundation/logger.ts'
import type { Counter, Metrics } from '../../foundation/metrics.ts'
import type { Peer } from '../../peer/peer.ts'
import type { Deliveries } from '../entitlement/deliveries.ts'
import { LogThrottle } from '../entitlement/log-throttle.ts'
import type { Absence } from './offer.ts'
import type { SecretResponse } from './subscription.ts'

/** Limits on text that clients control: how many names are logged, and how much of a name or message. */
const MAX_NAMES = 8
const MAX_NAME_LENGTH = 256
const MAX_MESSAGE_LENGTH = 1_024

interface SecretNotesDeps {
  readonly deliveries: Deliveries
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: Metrics
}

/** Logs and counts what Envoys got, did not get, and rejected. */
export class SecretNotes {
  readonly #deps: SecretNotesDeps
  readonly #throttle: LogThrottle
  readonly #responses: Counter
  readonly #rejected: Counter
  readonly #unavailable: Counter

  constructor(deps: SecretNotesDeps) {
    this.#deps = deps
    this.#throttle = new LogThrottle(deps.clock)
    const { metrics } = deps
    this.#responses = metrics.counter('sds_responses_total', 'Responses with secrets', ['method'])
    this.#rejected = metrics.counter('sds_rejected_total', 'Responses that an Envoy did not take', ['method'])
    this.#unavailable = metrics.counter('sds_unavailable_total', 'Names of secrets that were left out', [
      'reason',
    ])
  }

  sent(peer: Peer, method: string, { secrets }: SecretResponse): void {
    this.#responses.inc({ method })
    const nowMs = this.#deps.clock.now().getTime()
    for (const secret of secrets) {
      if (secret.delivered !== undefined) this.#deps.deliveries.count(peer, secret.delivered, nowMs)
    }
  }

  /** Notes names that are newly left out for this caller. */
  leftOut(peer: Peer, absent: readonly Absence[]): void {
    for (const { reason } of absent) this.#unavailable.inc({ reason })
    const names = absent.slice(0, MAX_NAMES).map(({ name }) => name.slice(0, MAX_NAME_LENGTH))
    const reasons = [...new Set(absent.map(({ reason }) => reason))]
    const { pid, uid } = peer.credentials
    const suppressed = this.#throttle.suppressed(uid, `${names.join()} ${reasons.join()}`)
    if (suppressed === undefined) return
    const run = `signet explain --pid ${pid}`
    this.#deps.logger.warn(
      { event: 'secret.unavailable', pid, uid, names, count: absent.length, reasons, suppressed, run },
      'an Envoy asks for secrets that it may not have now; it gets them when they are granted',
    )
  }

  rejected(peer: Peer, method: string, names: readonly string[], detail: { readonly message: string }): void {
    this.#rejected.inc({ method })
    const { pid, uid } = peer.credentials
    const suppressed = this.#throttle.suppressed(uid, `${pid} ${method}`)
    if (suppressed === undefined) return
    const message = detail.message
      .slice(0, MAX_MESSAGE_LENGTH)
      .replace(/\p{Cc}/gu, ' ')
      .toWellFormed()
    const asked = names.slice(0, MAX_NAMES).map((name) => name.slice(0, MAX_NAME_LENGTH))
    this.#deps.logger.warn(
      { event: 'secret.rejected', pid, uid, names: asked, envoySays: message, suppressed },
      'an Envoy rejected a response; it keeps what it had',
    )
  }
}
