import { Backoff } from '../../foundation/backoff.ts'
import type { Clock, Scheduled } from '../../foundation/clock.ts'
import type { Logger } from '../../foundation/logger.ts'
import type { Metrics } from '../../foundation/metrics.ts'
import { pause } from '../../foundation/pause.ts'
import type { Random } from '../../foundation/random.ts'
import { version } from '../../foundation/version.ts'
import type { SyncRequest } from '../../rpc/gen/signet/v1/SyncRequest.ts'
import type { SyncResponse__Output } from '../../rpc/gen/signet/v1/SyncResponse.ts'
import { PROTOCOL_VERSION } from '../../rpc/protocol.ts'
import { RpcError, StatusCode } from '../../rpc/status.ts'
import { fromTimestamp } from '../../rpc/timestamp.ts'
import { Attempts } from '../uplink/attempts.ts'
import type { AuthorityClient } from '../uplink/authority-door.ts'
import type { ClockSkew } from '../uplink/clock-skew.ts'
import { SyncSilentError } from './errors.ts'
import type { KnowledgeStore } from './knowledge-store.ts'

interface SyncDeps {
  /** @throws RpcError while there is no connection */
  readonly client: () => AuthorityClient
  readonly store: KnowledgeStore
  readonly skew: Pick<ClockSkew, 'note'>
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly metrics: Metrics
  /** Called when the authority rejects the bot certificate. */
  readonly onRefused: () => void
  /** Called when no lock stands in the way of a renewal any more. */
  readonly onMayRenew: () => void
}

const RETRY = { initialMs: 200, maxMs: 15_000 }
/** A refusal does not pass by itself. A new bot certificate, or a lifted lock, ends the pause. */
const RETRY_REFUSED = { initialMs: 15_000, maxMs: 300_000 }
/** The authority sends at least a heartbeat every 20 s. */
const SILENCE_MS = 65_000
/**
 * After a stale claim, the missing update is usually under way. Only if it does not arrive within
 * this time is a snapshot requested.
 */
const RESYNC_AFTER_MS = 1_000

/** Receives the agent's policy from the authority; reconnects whenever the stream breaks. */
export class Sync {
  readonly #deps: SyncDeps
  readonly attempts: Attempts
  readonly #backoff: Backoff
  readonly #afterRefusal: Backoff
  #attempt: AbortController | undefined
  #connected = false
  /** Undefined before the first snapshot of this run. */
  #standing: 'established' | 'lost' | undefined
  #resync: Scheduled | undefined

  constructor(deps: SyncDeps) {
    this.#deps = deps
    this.attempts = new Attempts(deps.clock)
    this.#backoff = new Backoff(RETRY, deps.random)
    this.#afterRefusal = new Backoff(RETRY_REFUSED, deps.random)
    deps.metrics.collected('sync_age_seconds', 'Time since the authority was last heard of', () => {
      const { syncedMs } = deps.store
      return syncedMs === 0 ? [] : [{ labels: {}, value: Math.max(0, this.#nowMs - syncedMs) / 1000 }]
    })
  }

  get connected(): boolean {
    return this.#connected
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const attempt = new AbortController()
      this.#attempt = attempt
      const either = AbortSignal.any([signal, attempt.signal])
      let retryMs = 0
      try {
        await this.#follow(either, attempt)
      } catch (error) {
        // The agent itself ended the stream, to reconnect or to get a snapshot.
        const isOwn = attempt.signal.aborted && !(attempt.signal.reason instanceof SyncSilentError)
        if (!isOwn && !signal.aborted) retryMs = this.#lost(attempt.signal.reason ?? error)
      } finally {
        this.#connected = false
        this.#deps.store.abandon()
      }
      if (!attempt.signal.aborted) await pause(this.#deps.clock, retryMs, either)
    }
  }

  /** Reconnects immediately, with a new bot certificate. */
  restart(): void {
    this.#backoff.reset()
    this.#afterRefusal.reset()
    this.#attempt?.abort()
  }

  /** The authority has answered that the agent's knowledge is stale. */
  suspectStale(): void {
    const { store, clock } = this.#deps
    const known = store.current.value
    this.#resync ??= clock.schedule(RESYNC_AFTER_MS, () => {
      this.#resync = undefined
      if (store.current.value === known) this.restart()
    })
  }

  async #follow(signal: AbortSignal, attempt: AbortController): Promise<void> {
    const { client, clock } = this.#deps
    const request: SyncRequest = { protocolVersion: PROTOCOL_VERSION, agentVersion: version }
    const watchdog = new Watchdog(clock, SILENCE_MS, () =>
      attempt.abort(new SyncSilentError('the authority is silent')),
    )
    try {
      const messages = client().stream<SyncRequest, SyncResponse__Output>(
        'signet.v1.SyncService',
        'Sync',
        request,
        {
          signal,
        },
      )
      for await (const message of messages) {
        watchdog.feed()
        this.#hear(message)
      }
      throw new RpcError(StatusCode.UNAVAILABLE, 'the authority has ended the stream')
    } finally {
      watchdog.stop()
    }
  }

  #hear(message: SyncResponse__Output): void {
    const { store, skew, onMayRenew } = this.#deps
    const authorityMs = fromTimestamp(message.authorityTime)
    if (authorityMs !== undefined) skew.note(authorityMs)
    const wasLocked = store.botLock !== undefined
    const isWhole = store.apply(message)
    if (isWhole) this.#established()
    else if (store.botLock !== undefined) this.#answered() // it is told of the lock, and nothing else
    if (wasLocked && store.botLock === undefined) onMayRenew()
  }

  #answered(): void {
    this.#connected = true
    this.#backoff.reset()
    this.#afterRefusal.reset()
    this.attempts.worked()
  }

  #established(): void {
    this.#answered()
    if (this.#standing === 'established') return
    const event = this.#standing === undefined ? 'sync.established' : 'sync.restored'
    const identities = this.#deps.store.current.value?.policy.size ?? 0
    this.#deps.logger.info({ event, identities }, 'in sync with the authority')
    this.#standing = 'established'
  }

  /** Returns how long to wait before the next attempt, in milliseconds. */
  #lost(error: unknown): number {
    const { store, logger, onRefused, onMayRenew } = this.#deps
    const status = error instanceof RpcError ? error.status : undefined
    if (this.#standing !== 'lost') {
      const serving = store.current.value !== undefined
      logger.warn({ event: 'sync.lost', err: error, serving }, 'not in sync with the authority; retrying')
    }
    this.#standing = 'lost'
    if (status === StatusCode.PERMISSION_DENIED) store.refuse()
    const isRefused = status === StatusCode.PERMISSION_DENIED || status === StatusCode.FAILED_PRECONDITION
    const retryMs = Math.round((isRefused ? this.#afterRefusal : this.#backoff).nextMs())
    this.attempts.failed(error, retryMs)
    if (isRefused) onRefused()
    // It only has expired. While it is locked, too, the authority would say so.
    if (status === StatusCode.UNAUTHENTICATED) onMayRenew()
    return retryMs
  }

  get #nowMs(): number {
    return this.#deps.clock.now().getTime()
  }
}

/** Calls `bite` if it is not fed for this long. */
class Watchdog {
  readonly #clock: Clock
  readonly #ms: number
  readonly #bite: () => void
  #timer: Scheduled

  constructor(clock: Clock, ms: number, bite: () => void) {
    this.#clock = clock
    this.#ms = ms
    this.#bite = bite
    this.#timer = clock.schedule(ms, bite)
  }

  feed(): void {
    this.#timer.cancel()
    this.#timer = this.#clock.schedule(this.#ms, this.#bite)
  }

  stop(): void {
    this.#timer.cancel()
  }
}
