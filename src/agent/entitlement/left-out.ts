import type { Clock } from '../../foundation/clock.ts'
import { messageOf } from '../../foundation/errors.ts'
import type { Logger } from '../../foundation/logger.ts'
import { LruMap } from '../../foundation/lru-map.ts'
import type { Counter, Metrics } from '../../foundation/metrics.ts'
import { type Attributes, lookUp } from '../../policy/attributes.ts'

/** How long not to say the same again. */
const QUIET_MS = 600_000
const REMEMBERED = 1_024

export interface LeftOutDeps {
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: Metrics
}

/** Tells the operator what callers were entitled to and did not get, and why; callers see only what they get. */
export class LeftOut {
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #count: Counter
  readonly #quietUntilMs = new LruMap<string, number>(REMEMBERED)

  constructor({ clock, logger, metrics }: LeftOutDeps) {
    this.#clock = clock
    this.#logger = logger
    this.#count = metrics.counter('left_out_total', 'What callers were entitled to and did not get', [
      'reason',
    ])
  }

  /** The hint of an identity, which one before it has as well. */
  hint(workloadIdentity: string, hint: string, holder: string): void {
    this.#count.inc({ reason: 'hint' })
    if (!this.#isNews('hint', workloadIdentity, holder)) return
    this.#logger.warn(
      { event: 'hint.duplicate', workloadIdentity, hint, holder },
      'an identity is delivered without its hint, because another one of this caller has the same hint',
    )
  }

  /** Identities beyond the limit for one caller. */
  identities(granted: number, limit: number, workload: Attributes): void {
    this.#count.inc({ reason: 'identity_limit' }, granted - limit)
    const [pid, uid] = [lookUp(workload, 'unix.pid'), lookUp(workload, 'unix.uid')]
    if (!this.#isNews('identities', String(uid))) return
    const run = `signet explain --pid ${pid}`
    this.#logger.warn(
      { event: 'identities.too_many', granted, limit, pid, uid, run },
      'a caller has more identities than the limit; the first in order are delivered',
    )
  }

  /** SVIDs at the end of a response that would be too long for clients. */
  svids(kind: 'x509_svid' | 'jwt_svid', workloadIdentities: readonly string[]): void {
    this.#count.inc({ reason: 'message_size' }, workloadIdentities.length)
    const [first = ''] = workloadIdentities
    if (!this.#isNews('svids', kind, first)) return
    this.#logger.warn(
      { event: 'response.too_large', kind, leftOut: workloadIdentities.length, first },
      'not all SVIDs of a caller fit into a message that clients accept; the last in order are left out',
    )
  }

  /** Foreign bundles that do not fit into a response, or are more than clients take. */
  bundles(trustDomains: readonly string[]): void {
    this.#count.inc({ reason: 'bundle' }, trustDomains.length)
    const [first = ''] = trustDomains
    if (!this.#isNews('bundles', first)) return
    this.#logger.warn(
      { event: 'bundles.too_large', leftOut: trustDomains.length, first },
      'not all federated bundles of a caller fit into a message that clients accept',
    )
  }

  /** A token that cannot be had now, while others of the caller can. */
  token(workloadIdentity: string, failure: unknown): void {
    this.#count.inc({ reason: 'unavailable' })
    if (!this.#isNews('token', workloadIdentity)) return
    const reason = failure === undefined ? 'the authority has not answered in time' : messageOf(failure)
    this.#logger.warn(
      { event: 'jwt_svid.left_out', workloadIdentity, reason },
      'a token cannot be issued now; those of the other identities are delivered without it',
    )
  }

  #isNews(...subject: readonly string[]): boolean {
    const key = JSON.stringify(subject)
    const now = this.#clock.monotonicMs()
    if (now < (this.#quietUntilMs.get(key) ?? Number.NEGATIVE_INFINITY)) return false
    this.#quietUntilMs.set(key, now + QUIET_MS)
    return true
  }
}
