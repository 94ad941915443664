import type { Random } from '../../foundation/random.ts'

/**
 * Renewal is at half of a credential's own life (decision 0004), drawn once from 45 to 55 % so that a fleet does
 * not renew at once.
 */
const EARLIEST = 0.45
const SPREAD = 0.1

/** When to renew what was received at `receivedMs` and ends at `notAfterMs`. */
export function renewalTimeMs(receivedMs: number, notAfterMs: number, random: Random): number {
  return receivedMs + Math.max(0, notAfterMs - receivedMs) * (EARLIEST + SPREAD * random.fraction())
}
