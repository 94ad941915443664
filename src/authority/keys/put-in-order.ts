import type { Clock } from '../../foundation/clock.ts'
import type { JwtAlgorithms } from './jwt-algorithms.ts'
import { type KeyLine, linesOf, parentOf } from './key-lines.ts'
import type { KeyRing } from './key-ring.ts'
import { PURPOSES } from './purposes.ts'
import { dueSteps, leavingSteps } from './schedule.ts'

/** Rounds that one run may need: end, retire, activate, prepare, and one to see that nothing is due. */
const MAX_ROUNDS = 8

interface OrderDeps {
  readonly jwt: JwtAlgorithms
  readonly clock: Clock
  /** When false, the wall clock is in doubt, and only lines without a key that can sign are changed. */
  readonly isSteady: boolean
}

/**
 * Carries out everything that is due, in as many rounds as needed. Returns the time (Unix
 * milliseconds) that it used. What falls due after that time is left to the next run.
 */
export async function putInOrder(ring: KeyRing, deps: OrderDeps): Promise<number> {
  const lines = linesOf(deps.jwt)
  const nowMs = deps.clock.now().getTime()
  for (const line of lines) {
    if (!ring.keys.some(({ purpose }) => purpose === line.purpose)) {
      // No key of this purpose was ever published, so there is nobody to announce one to: all its
      // lines sign from the start.
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

/**
 * Whether nothing can be signed until this line gets another key. A root, which agents pin, waits
 * until the time is certain, and so do lines below a root that cannot sign.
 */
function isUrgent(ring: KeyRing, line: KeyLine, nowMs: number): boolean {
  if (!PURPOSES[line.purpose].isRotatedOnDemand || canSign(ring, line, nowMs)) return false
  const above = parentOf(line)
  return above === undefined || canSign(ring, above, nowMs)
}

/** Whether the line's active key is still valid by the wall clock. */
export function canSign(ring: KeyRing, line: KeyLine, nowMs: number): boolean {
  const active = ring.find(line, 'active')
  return active !== undefined && active.notAfterMs > nowMs
}
