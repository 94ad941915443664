import type { Logger } from '../../foundation/logger.ts'

/** Two clocks this far apart will soon refuse each other's certificates (decision 0018). */
const REPORTED_FROM_SECONDS = 30
/** A century: an agent may send any number. */
const MAX_SKEW_SECONDS = 3_155_760_000

/** For the audit row: how far the agent's clock is ahead, when that is worth a report; says it in the log too. */
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
