import type { Clock } from '../foundation/clock.ts'
import type { Logger } from '../foundation/logger.ts'
import type { Metrics } from '../foundation/metrics.ts'
import type { ByteLimits } from './byte-budget.ts'
import type { ConnectionLimits } from './connection.ts'
import type { CallCap } from './open-calls.ts'

/** Figures of a server that can change while it serves. */
export interface CallLimits {
  /** Open calls on one connection. */
  readonly maxStreamsPerConnection: number
  /** The `max` of the cap on open calls, where the server has one. */
  readonly maxCallsOfCaller: number
}

export interface RpcServerOptions<C> {
  readonly logger: Logger
  readonly metrics: Metrics
  readonly clock: Clock
  readonly maxStreamsPerConnection: number
  /** A cap besides that of each connection; none by default. */
  readonly callCap?: CallCap<C>
  /** The longest request in bytes; 4 MiB by default. */
  readonly maxMessageBytes?: number
  /** Limits of a caller that differ from the server's. */
  readonly limitsOf?: (caller: C) => Partial<ConnectionLimits>
  /** How many bytes may be held; by default a few of the longest messages on each connection. */
  readonly byteLimits?: ByteLimits
  /**
   * The key under which held bytes are counted: a user, an instance, an address. By default each
   * caller is its own key.
   */
  readonly keyOf?: (caller: C) => unknown
  /**
   * Accepts requests with an `:authority` that Node refuses, such as the path of a socket. For Unix
   * sockets, not for TLS.
   */
  readonly takesAnyAuthority?: boolean
  /** Tells callers the code of an error: for administrators only. */
  readonly showsErrorCodes?: boolean
  /**
   * Schedules the connections and calls of callers that share the event loop; by default they begin
   * immediately.
   */
  readonly turns?: CallerTurns<C>
  /** Called for every failed call, with the error that the peer does not see. */
  readonly onError?: (error: unknown, method: string, caller: C) => void
}

export interface CallerTurns<C> {
  /** Runs `task` now or later. `costMs` is what it costs besides the time in which `task` runs. */
  run(caller: C, task: () => void, costMs: number): void
  charge(caller: C, ms: number): void
}

const MAX_MESSAGE_BYTES = 4 * 1024 * 1024
/**
 * Default byte limits, in messages of the maximum length: on one connection, for one caller and in
 * total.
 */
const MAX_MESSAGES = { connection: 4, caller: 8, total: 32 }

type Limiting = Pick<RpcServerOptions<never>, 'maxStreamsPerConnection' | 'maxMessageBytes' | 'byteLimits'>

export function limitsOf({
  maxStreamsPerConnection,
  maxMessageBytes = MAX_MESSAGE_BYTES,
}: Limiting): ConnectionLimits {
  return {
    maxCalls: maxStreamsPerConnection,
    maxCallsASweep: Number.POSITIVE_INFINITY,
    maxMessageBytes,
    decompresses: true,
  }
}

export function byteLimitsOf({ byteLimits, maxMessageBytes = MAX_MESSAGE_BYTES }: Limiting): ByteLimits {
  if (byteLimits !== undefined) return byteLimits
  const { connection, caller, total } = MAX_MESSAGES
  return {
    connection: connection * maxMessageBytes,
    caller: caller * maxMessageBytes,
    total: total * maxMessageBytes,
  }
}
