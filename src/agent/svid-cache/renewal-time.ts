import type { Random } from '../../foundation/random.ts'

/**
 * Renewal is at half of a credential's own life (decision 0004), with one draw of jitter from 45 to
 * 55 % so that a fleet does not renew at the same moment.
 */
const EARLIEST = 0.45
const SPREAD = 0.1

/** When to renew a credential that was received at `receivedMs` and expires at `notAfterMs`. */
export function renewalTimeMs(receivedMs: number, notAfterMs: number, random: Random): number {
  return receivedMs + Math.max(0, notAfterMs - receivedMs) * (EARLIEST + SPREAD * random.fraction())
}
