import type { Clock } from '../../foundation/clock.ts'
import type { Logger } from '../../foundation/logger.ts'
import type { Counter, Metrics } from '../../foundation/metrics.ts'
import type { Peer } from '../../peer/peer.ts'
import { InvalidJwtSvidError } from '../../spiffe/jwt-svid.ts'
import { AttestationFailedError, ProcessChangedError } from '../attestation/attestor.ts'
import type { DeliveryReporter } from '../report/delivery-reporter.ts'
import { seenProcess } from '../report/seen-process.ts'
import { NoIdentityError, NotSyncedError } from './errors.ts'
import { LogThrottle } from './log-throttle.ts'

const ORDINARY_ENDS: ReadonlySet<string> = new Set(['exited', 'disconnected'])

interface RefusedCallersDeps {
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: Metrics
  readonly reporter: DeliveryReporter
  /** Ends every open call of a caller. */
  readonly endCalls: (peer: Peer, error: unknown) => void
}

/**
 * Logs and reports which callers the agent refused, and what the operator can run next. The caller
 * gets one generic message.
 */
export class RefusedCallers {
  readonly #deps: RefusedCallersDeps
  readonly #count: Counter
  readonly #ended = new WeakSet<Peer>()
  /** Limits the log to one line per kind of refusal, user and program. */
  readonly #throttle: LogThrottle

  constructor(deps: RefusedCallersDeps) {
    this.#deps = deps
    this.#throttle = new LogThrottle(deps.clock)
    this.#count = deps.metrics.counter('denied_total', 'Calls that got no identity', ['reason'])
  }

  /** Answers a call; if it fails, notes why. */
  watchOver<T>(peer: Peer, answer: () => T | Promise<T>): T | Promise<T> {
    try {
      const result = answer()
      if (!(result instanceof Promise)) return result
      return result.catch((error: unknown) => {
        this.note(peer, error)
        throw error
      })
    } catch (error) {
      this.note(peer, error)
      throw error
    }
  }

  /** Notes that a call or stream of this caller ends with this error. */
  note(peer: Peer, error: unknown): void {
    if (error instanceof NoIdentityError) this.#denied(peer, error.reason)
    else if (error instanceof ProcessChangedError) this.#changed(peer, error)
    else if (error instanceof AttestationFailedError) this.#failed(peer, error)
    else if (error instanceof InvalidJwtSvidError) this.#invalidToken(peer, error)
    else if (error instanceof NotSyncedError) this.#count.inc({ reason: 'not_synced' })
  }

  /** Ends the calls that the former process opened: the new process must not inherit them. */
  #changed(peer: Peer, error: ProcessChangedError): void {
    this.#count.inc({ reason: 'process_changed' })
    if (this.#ended.has(peer)) return
    this.#ended.add(peer)
    const { pid, uid } = peer.credentials
    // An exiting process leaves its connection open for a moment; that is not worth a warning.
    const level = ORDINARY_ENDS.has(error.reason) ? 'debug' : 'warn'
    this.#deps.logger[level](
      { event: 'process.changed', pid, uid, reason: error.reason },
      'a caller is no longer the process that connected; its calls are ended',
    )
    this.#deps.endCalls(peer, error)
  }

  #failed(peer: Peer, error: AttestationFailedError): void {
    this.#count.inc({ reason: 'attestation_failed' })
    const suppressed = this.#suppressed(peer, 'attestation_failed')
    if (suppressed === undefined) return
    const { pid, uid } = peer.credentials
    this.#deps.logger.warn(
      { event: 'attestation.failed', pid, uid, reason: error.reason, err: error, suppressed },
      'a caller could not be attested',
    )
  }

  /** The caller learns only that the token is not valid. No part of the token is logged. */
  #invalidToken(peer: Peer, { reason, message }: InvalidJwtSvidError): void {
    const { pid, uid } = peer.credentials
    const suppressed = this.#throttle.suppressed(uid, `jwt_svid ${reason}`)
    if (suppressed === undefined) return
    this.#deps.logger.warn(
      { event: 'jwt_svid.refused', reason, detail: message, pid, uid, suppressed },
      'a JWT-SVID that a caller asked to validate is not valid',
    )
  }

  #denied(peer: Peer, reason: string): void {
    this.#count.inc({ reason })
    const nowMs = this.#deps.clock.now().getTime()
    this.#deps.reporter.denied(seenProcess(peer), reason, { count: 1, firstMs: nowMs, lastMs: nowMs })
    const suppressed = this.#suppressed(peer, reason)
    if (suppressed === undefined) return
    const { pid, uid, gid } = peer.credentials
    const binaryPath = peer.executable?.path
    const run = `signet explain --pid ${pid}`
    this.#deps.logger.warn(
      { event: 'identity.denied', reason, pid, uid, gid, binaryPath, suppressed, run },
      'a caller got no identity',
    )
  }

  #suppressed({ credentials, executable }: Peer, reason: string): number | undefined {
    return this.#throttle.suppressed(credentials.uid, `${reason} ${executable?.path ?? ''}`)
  }
}
