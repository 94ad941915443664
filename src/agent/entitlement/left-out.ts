import type { Clock } from '../../foundation/clock.ts'
import { messageOf } from '../../foundation/errors.ts'
import type { Logger } from '../../foundation/logger.ts'
import { LruMap } from '../../foundation/lru-map.ts'
import type { Counter, Metrics } from '../../foundation/metrics.ts'
import { type Attributes, lookUp } from '../../policy/attributes.ts'

/** How long the same line is not logged again. */
const QUIET_MS = 600_000
const MAX_REMEMBERED = 1_024

interface LeftOutDeps {
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: Metrics
}

/**
 * Logs and counts what callers were entitled to but did not get, and why. Callers see only what
 * they get.
 */
export class LeftOut {
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #count: Counter
  readonly #quietUntilMs = new LruMap<string, number>(MAX_REMEMBERED)

  constructor({ clock, logger, metrics }: LeftOutDeps) {
    this.#clock = clock
    this.#logger = logger
    this.#count = metrics.counter('left_out_total', 'What callers were entitled to and did not get', [
      'reason',
    ])
  }

  /** The hint of an identity, because an earlier identity has the same one. */
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

  /** The last SVIDs of a response that would be too large for clients. */
  svids(kind: 'x509_svid' | 'jwt_svid', workloadIdentities: readonly string[]): void {
    this.#count.inc({ reason: 'message_size' }, workloadIdentities.length)
    const [first = ''] = workloadIdentities
    if (!this.#isNews('svids', kind, first)) return
    this.#logger.warn(
      { event: 'response.too_large', kind, leftOut: workloadIdentities.length, first },
      'not all SVIDs of a caller fit into a message that clients accept; the last in order are left out',
    )
  }

  /** Federated bundles that do not fit into a response, or exceed the number that clients accept. */
  bundles(trustDomains: readonly string[]): void {
    this.#count.inc({ reason: 'bundle' }, trustDomains.length)
    const [first = ''] = trustDomains
    if (!this.#isNews('bundles', first)) return
    this.#logger.warn(
      { event: 'bundles.too_large', leftOut: trustDomains.length, first },
      'not all federated bundles of a caller fit into a message that clients accept',
    )
  }

  /** A token that is unavailable now, although other tokens of the caller are available. */
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
