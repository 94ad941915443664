import type { KeyType } from '../../crypto/keys.ts'
import type { Watchable } from '../../foundation/watchable.ts'
import type { Attributes } from '../../policy/attributes.ts'
import type { Bounds } from '../../policy/decision.ts'
import type { LifeLimits } from '../../policy/life.ts'
import type { Policy } from '../../policy/policy.ts'
import type { Bundle } from '../../spiffe/bundle.ts'

/** What the authority has told this agent; never changed, only replaced as a whole. */
export interface Knowledge extends Bounds {
  readonly policy: Policy
  readonly bundle: Bundle
  readonly federatedBundles: ReadonlyMap<string, Bundle>
  /** `join.*` and `bot.*`. */
  readonly facts: { readonly join: Attributes; readonly bot: Attributes }
  readonly activeX509KeyId: string
  /** One for each algorithm that tokens are signed with. */
  readonly activeJwtKeyIds: ReadonlySet<string>
  readonly taintedKeyIds: ReadonlySet<string>
  /** What bounds the lives of SVIDs under this limit of the roles; undefined from an authority that does not say. For explanations. */
  lifeLimits(roleMaxTtlSeconds: number | undefined): LifeLimits | undefined
  /** Grows with each change. */
  readonly version: number
}

/** Undefined before the first sync, unless a sealed state was there. */
export type KnowledgeSource = Watchable<Knowledge | undefined>

/** Which workload identity an SVID is wanted for, for which process, and why. */
export interface IdentityClaim {
  readonly workloadIdentity: string
  readonly revision: string
  readonly spiffeId: string
  /** Of the key that an X.509-SVID is asked for. */
  readonly keyType: KeyType
  /** `workload.*` of that process. */
  readonly workloadAttributes: Attributes
  readonly asked: Asked
}

/** `call`: the process asks now. `renewal`: the agent renews or tries again by itself, for a process that holds the identity open, … */
export interface Asked {
  readonly occasion: 'call' | 'renewal'
  /** … one of so many streams, or with none for the last that asked, … */
  readonly holders: number
  /** … at this time. */
  readonly askedMs: number
}

/** The authority, as far as SVIDs are concerned. @throws RpcError */
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

/** A process as the audit log shall know it. */
export interface SeenProcess {
  readonly uid: number
  readonly gid: number
  readonly pid: number
  readonly binaryPath?: string
  /** Milliseconds since 1970. */
  readonly startedMs: number
}

/** How often, when first and when last. */
export interface SeenTimes {
  count: number
  firstMs: number
  lastMs: number
}

/** One response with SVIDs; the same object for all who get the same. */
export interface Delivered {
  readonly svids: readonly DeliveredSvid[]
}

export type DeliveredSvid = { readonly spiffeId: string } & (
  | { readonly serial: string }
  | { readonly jti: string }
)

/** What the audit log shall hear of, as this agent's word. Never waits, never throws. */
export interface DeliveryReporter {
  denied(process: SeenProcess, reason: string, times: SeenTimes): void
  delivered(process: SeenProcess, delivered: Delivered, times: SeenTimes): void
}
