import { Backoff } from '../foundation/backoff.ts'
import type { Clock } from '../foundation/clock.ts'
import { pause } from '../foundation/pause.ts'
import type { Random } from '../foundation/random.ts'
import { type RpcError, StatusCode } from '../rpc/status.ts'
import { WatchCall, type WatchTarget } from '../rpc/watch-call.ts'

export interface Watching {
  readonly target: WatchTarget
  readonly method: string
  readonly clock: Clock
  readonly random: Random
  /** Ends it. */
  readonly signal: AbortSignal
  /** True when the message was of use: the next failure is then the first one again. */
  readonly onMessage: (message: Buffer) => boolean
  /** A stream has ended, and another is opened after a pause unless this end is final. */
  readonly onEnded: (error: RpcError, isFinal: boolean) => void
}

/** Workload Endpoint §3: without it every Workload API refuses. */
const METADATA = { 'workload.spiffe.io': 'true' }
/** An agent that restarts is there again within a second; one that is gone for longer is not to be flooded. */
const RECONNECT = { initialMs: 100, maxMs: 10_000 }
/** Workload Endpoint §6: the request is wrong, or the profile is not there; asking again changes nothing. All else may pass, OK included. */
const FINAL: ReadonlySet<number> = new Set([StatusCode.INVALID_ARGUMENT, StatusCode.UNIMPLEMENTED])

/** Holds a stream of the Workload API open, through restarts of the agent and refusals, until the signal or a final refusal ends it. */
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
