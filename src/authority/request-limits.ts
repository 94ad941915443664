import type { ByteLimits } from '../rpc/byte-budget.ts'
import type { ConnectionLimits } from '../rpc/connection.ts'
import type { Caller } from './caller.ts'

const KIB = 1024
const MIB = 1024 * KIB

/** Ten thousand documents in one file; the agents' side keeps the 4 MiB that clients expect. */
export const ADMIN_MESSAGE_BYTES = 64 * MIB

/** Of requests that are not complete or not handled. An agent asks for a thousand SVIDs at once, which is a few MiB. */
export const AGENT_BYTES: ByteLimits = { connection: 16 * MIB, caller: 16 * MIB, total: 64 * MIB }

/** One file of the longest at a time, and another one that comes meanwhile. */
export const ADMIN_BYTES: ByteLimits = {
  connection: 1.25 * ADMIN_MESSAGE_BYTES,
  caller: 2 * ADMIN_MESSAGE_BYTES,
  total: 2 * ADMIN_MESSAGE_BYTES,
}

/** Whoever shows no certificate may ask to join: a token, a key, a proof, and a few words about itself. */
const ANONYMOUS: ConnectionLimits = {
  maxCalls: 1,
  maxCallsASweep: 100,
  maxMessageBytes: 16 * KIB,
  decompresses: false,
}

export function limitsOf({ kind }: Caller): Partial<ConnectionLimits> {
  return kind === 'anonymous' ? ANONYMOUS : {}
}
