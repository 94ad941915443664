import type { Watchable } from '../../foundation/watchable.ts'
import type { Attributes } from '../../policy/attributes.ts'
import type { Bounds } from '../../policy/decision.ts'
import type { LifeLimits } from '../../policy/life.ts'
import type { Policy } from '../../policy/policy.ts'
import type { Bundle } from '../../spiffe/bundle.ts'

/** What the agent knows from the authority. Immutable; replaced as a whole. */
export interface Knowledge extends Bounds {
  readonly policy: Policy
  readonly bundle: Bundle
  readonly federatedBundles: ReadonlyMap<string, Bundle>
  /** `join.*` and `bot.*`. */
  readonly facts: { readonly join: Attributes; readonly bot: Attributes }
  readonly activeX509KeyId: string
  /** One per signing algorithm. */
  readonly activeJwtKeyIds: ReadonlySet<string>
  readonly taintedKeyIds: ReadonlySet<string>
  /**
   * The bounds on SVID lifetimes under this `max_ttl` of the roles, for explanations. Undefined if
   * the authority does not send them.
   */
  lifeLimits(roleMaxTtlSeconds: number | undefined): LifeLimits | undefined
  /** Increases with each change. */
  readonly version: number
}

/** Undefined before the first sync, unless saved state was restored. */
export type KnowledgeSource = Watchable<Knowledge | undefined>
