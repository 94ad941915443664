import type { Clock } from '../../foundation/clock.ts'
import type { JwtAlgorithms } from './jwt-algorithms.ts'
import { type KeyLine, linesOf, parentOf } from './key-lines.ts'
import type { KeyRing } from './key-ring.ts'
import { PURPOSES } from './purposes.ts'
import { dueSteps, leavingSteps } from './schedule.ts'

/** Rounds of steps that one look may need: end, retire, activate, prepare, and one to see that all is in order. */
const MAX_ROUNDS = 8

export interface OrderDeps {
  readonly jwt: JwtAlgorithms
  readonly clock: Clock
  /** While the wall clock is in doubt only lines are looked at of which no key can sign. */
  readonly isSteady: boolean
}

/**
 * Does whatever is due, for as many rounds as that takes. Gives the time that it went by: what falls due afterwards, also while this was at work,
 * is for the next look.
 */
export async function putInOrder(ring: KeyRing, deps: OrderDeps): Promise<number> {
  const lines = linesOf(deps.jwt)
  const nowMs = deps.clock.now().getTime()
  for (const line of lines) {
    if (!ring.keys.some(({ purpose }) => purpose === line.purpose)) {
      // Nobody has seen a key of this purpose: what belongs to it signs from the start, all of its algorithms.
      const first = lines.filter(({ purpose }) => purpose === line.purpose)
      await ring.carryOut(
        first.map((each) => ({ do: 'create', line: each, state: 'active' }) as const),
        'authority',
      )
    }
    if (!deps.isSteady && !isUrgent(ring, line, nowMs)) continue
    for (let round = 0; round < MAX_ROUNDS; round++) {
      const above = parentOf(line)
      const parentId = above && ring.find(above, 'active')?.id
      const steps = dueSteps(line, ring.keys, nowMs, parentId)
      if (steps.length === 0) break
      await ring.carryOut(steps, 'authority')
    }
  }
  const leaving = deps.isSteady ? leavingSteps(lines, ring.keys, nowMs) : []
  if (leaving.length > 0) await ring.carryOut(leaving, 'authority')
  return nowMs
}

/** Nothing can be signed before this line has another key. A root, which agents pin, waits until the time is certain, and so does what hangs on it. */
function isUrgent(ring: KeyRing, line: KeyLine, nowMs: number): boolean {
  if (!PURPOSES[line.purpose].isRotatedOnDemand || canSign(ring, line, nowMs)) return false
  const above = parentOf(line)
  return above === undefined || canSign(ring, above, nowMs)
}

/** Whether a key of the line signs by the wall clock. */
export function canSign(ring: KeyRing, line: KeyLine, nowMs: number): boolean {
  const active = ring.find(line, 'active')
  return active !== undefined && active.notAfterMs > nowMs
}
