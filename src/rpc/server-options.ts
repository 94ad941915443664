import type { Clock } from '../foundation/clock.ts'
import type { Logger } from '../foundation/logger.ts'
import type { Metrics } from '../foundation/metrics.ts'
import type { ByteLimits } from './byte-budget.ts'
import type { ConnectionLimits } from './connection.ts'
import type { CallCap } from './open-calls.ts'

export interface RpcServerOptions<C> {
  readonly logger: Logger
  readonly metrics: Metrics
  readonly clock: Clock
  readonly maxStreamsPerConnection: number
  /** Besides the cap of each connection; none unless told. */
  readonly callCap?: CallCap<C>
  /** The longest request; 4 MiB unless told. */
  readonly maxMessageBytes?: number
  /** For callers who may do less than this server allows in general. */
  readonly limitsOf?: (caller: C) => Partial<ConnectionLimits>
  /** What requests may hold; a few of the longest on a connection unless told. */
  readonly byteLimits?: ByteLimits
  /** Which callers are one where bytes are counted: a user, an instance, an address. Each for himself unless told. */
  readonly keyOf?: (caller: C) => unknown
  /** Take requests with an `:authority` that Node refuses, as is the path of a socket. For sockets, not for TLS. */
  readonly takesAnyAuthority?: boolean
  /** When a caller's calls and connections are begun, where callers have to share the loop; at once unless told. */
  readonly turns?: CallerTurns<C>
  /** Told of every call that fails, with the error that the peer does not see. */
  readonly onError?: (error: unknown, method: string, caller: C) => void
}

export interface CallerTurns<C> {
  /** Now or later. `costMs`: what it takes besides the time in which `task` runs. */
  run(caller: C, task: () => void, costMs: number): void
  charge(caller: C, ms: number): void
}

const MAX_MESSAGE_BYTES = 4 * 1024 * 1024
/** Of the longest messages, on one connection, of one caller and in all, unless told. */
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
