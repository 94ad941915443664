import type { Clock } from '../../foundation/clock.ts'
import type { Logger } from '../../foundation/logger.ts'
import type { Counter, Metrics } from '../../foundation/metrics.ts'
import type { Peer } from '../../peer/peer.ts'
import { InvalidJwtSvidError } from '../../spiffe/jwt-svid.ts'
import { AttestationFailedError, ProcessChangedError } from '../attestation/attestor.ts'
import { seenProcess } from '../report/seen-process.ts'
import type { DeliveryReporter } from '../sync/knowledge.ts'
import { NoIdentityError, NotSyncedError } from './errors.ts'
import { ToldLately } from './told-lately.ts'

const ORDINARY_ENDS: ReadonlySet<string> = new Set(['exited', 'disconnected'])

export interface RefusedCallersDeps {
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: Metrics
  readonly reporter: DeliveryReporter
  /** Ends every open call of a caller. */
  readonly endCalls: (peer: Peer, error: unknown) => void
}

/** Tells the operator whom the agent refused and what to run next; the caller heard one flat sentence. */
export class RefusedCallers {
  readonly #deps: RefusedCallersDeps
  readonly #count: Counter
  readonly #ended = new WeakSet<Peer>()
  /** One line for each kind of refusal of one program of one user. */
  readonly #told: ToldLately

  constructor(deps: RefusedCallersDeps) {
    this.#deps = deps
    this.#told = new ToldLately(deps.clock)
    this.#count = deps.metrics.counter('denied_total', 'Calls that got no identity', ['reason'])
  }

  /** Answers a call and notes why, when it fails. */
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

  /** A call or stream of this caller ends with this error. */
  note(peer: Peer, error: unknown): void {
    if (error instanceof NoIdentityError) this.#denied(peer, error.reason)
    else if (error instanceof ProcessChangedError) this.#changed(peer, error)
    else if (error instanceof AttestationFailedError) this.#failed(peer, error)
    else if (error instanceof InvalidJwtSvidError) this.#invalidToken(peer, error)
    else if (error instanceof NotSyncedError) this.#count.inc({ reason: 'not_synced' })
  }

  /** Whoever the process is now, what was opened by the one before is not for it. */
  #changed(peer: Peer, error: ProcessChangedError): void {
    this.#count.inc({ reason: 'process_changed' })
    if (this.#ended.has(peer)) return
    this.#ended.add(peer)
    const { pid, uid } = peer.credentials
    // Whoever exits leaves a connection behind for a moment; that is nothing to tell anybody.
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

  /** Whoever sent the token hears only that it is not valid; never a part of it is told here. */
  #invalidToken(peer: Peer, { reason, message }: InvalidJwtSvidError): void {
    const { pid, uid } = peer.credentials
    const suppressed = this.#told.suppressed(uid, `jwt_svid ${reason}`)
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
    return this.#told.suppressed(credentials.uid, `${reason} ${executable?.path ?? ''}`)
  }
}
