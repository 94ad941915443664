import { Backoff } from '../foundation/backoff.ts'
import type { Clock } from '../foundation/clock.ts'
import { pause } from '../foundation/pause.ts'
import type { Random } from '../foundation/random.ts'
import { type RpcError, StatusCode } from '../rpc/status.ts'
import { WatchCall, type WatchTarget } from '../rpc/watch-call.ts'

interface Watching {
  readonly target: WatchTarget
  readonly method: string
  readonly clock: Clock
  readonly random: Random
  /** Stops watching. */
  readonly signal: AbortSignal
  /** Returns true if the message could be used; that resets the backoff. */
  readonly onMessage: (message: Buffer) => boolean
  /** Called when a stream has ended. Another is opened after a pause, unless `isFinal`. */
  readonly onEnded: (error: RpcError, isFinal: boolean) => void
}

/** Workload Endpoint §3: every Workload API refuses a request without it. */
const METADATA = { 'workload.spiffe.io': 'true' }
/**
 * Short at first, because an agent restarts within a second; growing, so as not to flood one that
 * is down.
 */
const RECONNECT = { initialMs: 100, maxMs: 10_000 }
/**
 * Statuses that a retry cannot change (Workload Endpoint §6): the request is invalid, or the method
 * is not implemented. Any other end may be temporary, OK included.
 */
const FINAL: ReadonlySet<number> = new Set([StatusCode.INVALID_ARGUMENT, StatusCode.UNIMPLEMENTED])

/**
 * Keeps one stream of the Workload API open. It reconnects after failures and refusals, until the
 * signal aborts or a refusal is final.
 */
export async function keepWatching(watching: Watching): Promise<void> {
  const { target, method, clock, random, signal } = watching
  const backoff = new Backoff(RECONNECT, random)
  const onMessage = (message: Buffer): void => {
    if (watching.onMessage(message)) backoff.reset()
  }
  while (!signal.aborted) {
    using call = new WatchCall({ target, method, metadata: METADATA, clock, onMessage })
    const stop = (): void => call.cancel()
    signal.addEventListener('abort', stop)
    const error = await call.ended
    signal.removeEventListener('abort', stop)
    if (signal.aborted) return
    const isFinal = FINAL.has(error.status)
    watching.onEnded(error, isFinal)
    if (isFinal) return
    await pause(clock, backoff.nextMs(), signal)
  }
}
