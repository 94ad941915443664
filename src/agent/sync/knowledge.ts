import type { KeyType } from '../../crypto/keys.ts'
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

/** A request for an SVID: which workload identity, for which process, and why. */
export interface IdentityClaim {
  readonly workloadIdentity: string
  readonly revision: string
  readonly spiffeId: string
  /** The type of key, for an X.509-SVID. */
  readonly keyType: KeyType
  /** The `workload.*` of that process. */
  readonly workloadAttributes: Attributes
  readonly asked: Asked
}

/**
 * Why an SVID is requested. `call`: a process asks now. `renewal`: the agent renews or retries by
 * itself.
 */
export interface Asked {
  readonly occasion: 'call' | 'renewal'
  /**
   * For a renewal: how many streams hold the identity. Without one, it is for the process that
   * asked last.
   */
  readonly holders: number
  /** When that process asked, in milliseconds since 1970. */
  readonly askedMs: number
}

/** Issues SVIDs; the authority, as the caches see it. @throws RpcError */
export interface SvidIssuer {
  issueX509(
    claim: IdentityClaim,
    publicKeyDer: Buffer,
  ): Promise<{ readonly chain: readonly Buffer[]; readonly notBefore: number; readonly notAfter: number }>
  issueJwt(
    claim: IdentityClaim,
    audience: readonly string[],
  ): Promise<{ readonly token: string; readonly issuedAt: number; readonly expiresAt: number }>
}

/** A process, as recorded in the audit log. */
export interface SeenProcess {
  readonly uid: number
  readonly gid: number
  readonly pid: number
  readonly binaryPath?: string
  /** Milliseconds since 1970. */
  readonly startedMs: number
}

/** How often something happened, and when first and last. */
export interface SeenTimes {
  count: number
  firstMs: number
  lastMs: number
}

/** The SVIDs of one response. All callers that get the same response share the object. */
export interface Delivered {
  readonly svids: readonly DeliveredSvid[]
}

export type DeliveredSvid = { readonly spiffeId: string } & (
  | { readonly serial: string }
  | { readonly jti: string }
)

/**
 * Reports events to the authority's audit log, which records them as this agent's statement. Never
 * blocks or throws.
 */
export interface DeliveryReporter {
  denied(process: SeenProcess, reason: string, times: SeenTimes): void
  delivered(process: SeenProcess, delivered: Delivered, times: SeenTimes): void
}
