import type { Bounds } from '../../src/policy/decision.ts'

/** Nothing stands above the rules. */
export const NO_BOUNDS: Bounds = {
  botLock: undefined,
  checkRoles: () => ({ maxTtlSeconds: undefined }),
  lockOn: () => undefined,
}
