import type { Bounds } from '../../src/policy/decision.ts'

/** Bounds that restrict nothing. */
export const NO_BOUNDS: Bounds = {
  botLock: undefined,
  checkRoles: () => ({ maxTtlSeconds: undefined }),
  lockOn: () => undefined,
}
