import type { Clock } from '../../foundation/clock.ts'
import type { JwtAlgorithms } from './jwt-algorithms.ts'
import { CONTROL_ISSUING, CONTROL_ROOT, isOf, linesOf } from './key-lines.ts'
import type { KeyRing } from './key-ring.ts'
import { dueSteps, leavingSteps } from './schedule.ts'

/** Rounds of steps that one look may need: end, retire, activate, prepare, and one to see that all is in order. */
const MOST_ROUNDS = 8

/** Does whatever is due, for as many rounds as that takes. */
export async function putInOrder(
  ring: KeyRing,
  deps: { readonly jwt: JwtAlgorithms; readonly clock: Clock },
): Promise<void> {
  const lines = linesOf(deps.jwt)
  const nowMs = (): number => deps.clock.now().getTime()
  for (const line of lines) {
    if (!ring.keys.some(({ purpose }) => purpose === line.purpose)) {
      // Nobody has seen a key of this purpose: what belongs to it signs from the start, all of its algorithms.
      const first = lines.filter(({ purpose }) => purpose === line.purpose)
      await ring.carryOut(
        first.map((each) => ({ do: 'create', line: each, state: 'active' }) as const),
        'authority',
      )
    }
    for (let round = 0; round < MOST_ROUNDS; round++) {
      const parentId = isOf(line, CONTROL_ISSUING) ? ring.find(CONTROL_ROOT, 'active')?.id : undefined
      const steps = dueSteps(line, ring.keys, nowMs(), parentId)
      if (steps.length === 0) break
      await ring.carryOut(steps, 'authority')
    }
  }
  const leaving = leavingSteps(lines, ring.keys, nowMs())
  if (leaving.length > 0) await ring.carryOut(leaving, 'authority')
}
