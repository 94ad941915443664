import type { ByteLimits } from '../rpc/byte-budget.ts'
import type { ConnectionLimits } from '../rpc/connection.ts'
import type { Caller } from './caller.ts'

const KIB = 1024
const MIB = 1024 * KIB

/**
 * Room for ten thousand documents in one file. The agents' listener keeps the 4 MiB that gRPC clients
 * expect.
 */
export const ADMIN_MESSAGE_BYTES = 64 * MIB

/**
 * Limits for requests that are incomplete or not handled yet. An agent may ask for a thousand SVIDs
 * in one call, which is a few MiB.
 */
export const AGENT_BYTES: ByteLimits = { connection: 16 * MIB, caller: 16 * MIB, total: 64 * MIB }

/** Room for one file of the greatest length, and for another that arrives meanwhile. */
export const ADMIN_BYTES: ByteLimits = {
  connection: 1.25 * ADMIN_MESSAGE_BYTES,
  caller: 2 * ADMIN_MESSAGE_BYTES,
  total: 2 * ADMIN_MESSAGE_BYTES,
}

/**
 * A caller without a certificate may only join, which takes a token name, a key, a proof and a few
 * strings.
 */
const ANONYMOUS: ConnectionLimits = {
  maxCalls: 1,
  maxCallsASweep: 100,
  maxMessageBytes: 16 * KIB,
  decompresses: false,
}

export function limitsOf({ kind }: Caller): Partial<ConnectionLimits> {
  return kind === 'anonymous' ? ANONYMOUS : {}
}
