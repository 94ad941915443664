import { CodedError } from '../../foundation/errors.ts'

/** A join was refused while the clocks of agent and authority are apart: with the right time the answer may be another. */
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
