import { CodedError } from '../foundation/errors.ts'

/** The protocol version between agent and authority (decision 0018). */
export const PROTOCOL_VERSION = 1

/** The oldest version that this build of the authority serves. */
const OLDEST_PROTOCOL_VERSION = 1

/** The protocol versions of agent and authority are too far apart. */
export class ProtocolVersionError extends CodedError {
  override readonly name = 'ProtocolVersionError'
  readonly code = 'ERR_RPC_PROTOCOL_VERSION'
  readonly kind = 'failed_precondition'
}

/**
 * Checks the protocol version of an agent.
 * @throws ProtocolVersionError which says which of the two must be upgraded
 */
export function checkProtocol(version: number): void {
  if (version >= OLDEST_PROTOCOL_VERSION && version <= PROTOCOL_VERSION) return
  const older = version < OLDEST_PROTOCOL_VERSION ? 'agent' : 'authority'
  throw new ProtocolVersionError(
    `the agent speaks protocol version ${version}, the authority ${OLDEST_PROTOCOL_VERSION} to ${PROTOCOL_VERSION}: upgrade the ${older}`,
  )
}
