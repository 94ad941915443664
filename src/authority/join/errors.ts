import { CodedError } from '../../foundation/errors.ts'

/**
 * Whether an agent may join cannot be said now: somebody who has to be asked does not answer, or its join
 * token has just been changed.
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
 * A join was refused while the clocks of agent and authority are apart: with the right time the answer may be
 * another.
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

/** What an agent sends as its time may be any number. */
function formatTime(ms: number): string {
  return Math.abs(ms) <= LATEST_MS ? new Date(ms).toISOString() : 'something impossible'
}

const LATEST_MS = 8.64e15
