import type { Logger } from '../../foundation/logger.ts'

/** From this difference on, a clock skew is reported (decision 0018). */
const REPORTED_FROM_SECONDS = 30
/** One century. An agent may send any number. */
const MAX_SKEW_SECONDS = 3_155_760_000

/**
 * Returns how many seconds the agent's clock is ahead, for the audit row, and logs it. Returns
 * nothing when the difference is small.
 */
export function noteClockSkew(
  agentTimeMs: number | undefined,
  nowMs: number,
  subject: { readonly bot: string; readonly botInstance: string },
  logger: Logger,
): { readonly clockSkewSeconds?: number } {
  if (agentTimeMs === undefined) return {}
  const seconds = Math.round((agentTimeMs - nowMs) / 1000)
  const clockSkewSeconds = Math.max(-MAX_SKEW_SECONDS, Math.min(MAX_SKEW_SECONDS, seconds))
  if (Math.abs(clockSkewSeconds) <= REPORTED_FROM_SECONDS) return {}
  logger.warn(
    { event: 'bot.clock_skew', ...subject, clockSkewSeconds },
    'the clock of an agent differs from that of the authority',
  )
  return { clockSkewSeconds }
}
