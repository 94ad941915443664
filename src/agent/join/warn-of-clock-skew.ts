import type { Logger } from '../../foundation/logger.ts'

/** With this much skew, each side will soon refuse the other's certificates (decision 0018). */
const REPORTED_FROM_MS = 30_000

/** Warns about clock skew. `skewMs` says how far this host's clock is ahead of the authority's. */
export function warnOfClockSkew(skewMs: number, logger: Logger): void {
  if (Math.abs(skewMs) <= REPORTED_FROM_MS) return
  const direction = skewMs > 0 ? 'ahead of' : 'behind'
  logger.warn(
    { event: 'clock.skewed', clockSkewMs: skewMs },
    `the clock of this host is ${direction} the authority's`,
  )
}
