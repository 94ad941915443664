import { CodedError } from '../../foundation/errors.ts'
import { formatInstant } from '../../foundation/instant.ts'

/**
 * The authority cannot decide now whether the agent may join: a service that it has to ask does not
 * answer, or the join token was just changed.
 */
export class JoinUndecidedError extends CodedError {
  override readonly name = 'JoinUndecidedError'
  readonly code = 'ERR_JOIN_UNDECIDED'
  readonly kind = 'unavailable'

  constructor(publicMessage = 'the join cannot be decided now: try again', options?: ErrorOptions) {
    super(publicMessage, options)
  }
}

/**
 * The join was refused while the clocks of agent and authority differ; with correct clocks the result
 * may be another.
 */
export class JoinClocksDifferError extends CodedError {
  override readonly name = 'JoinClocksDifferError'
  readonly code = 'ERR_JOIN_CLOCKS_DIFFER'
  readonly kind = 'unavailable'

  constructor(reference: string, agentTimeMs: number, nowMs: number) {
    const [theirs, ours] = [agentTimeMs, nowMs].map(formatTime)
    super(
      `refused, reference ${reference}: the clock of the agent says ${theirs}, that of the authority ${ours}; set right whichever is wrong`,
      { reference },
    )
  }
}

/** The agent's time may be any number, also one that no Date can hold. */
function formatTime(ms: number): string {
  return Math.abs(ms) <= LATEST_MS ? formatInstant(ms) : 'something impossible'
}

const LATEST_MS = 8.64e15
