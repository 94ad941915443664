import type { KeyType } from '../crypto/keys.ts'
import type { Watchable } from '../foundation/watchable.ts'
import type { Attributes } from '../policy/attributes.ts'
import type { Grant } from '../policy/compile.ts'
import type { Policy } from '../policy/decide.ts'
import type { Bundle } from '../spiffe/bundle.ts'

/** What the authority has told this agent; never changed, only replaced as a whole. */
export interface Knowledge {
  readonly policy: Policy
  readonly bundle: Bundle
  readonly federatedBundles: ReadonlyMap<string, Bundle>
  /** `join.*` and `bot.*`. */
  readonly facts: { readonly join: Attributes; readonly bot: Attributes }
  readonly activeX509KeyId: string
  /** One for each algorithm that tokens are signed with. */
  readonly activeJwtKeyIds: ReadonlySet<string>
  readonly taintedKeyIds: ReadonlySet<string>
  /** Why the roles of the bot do not permit a grant; undefined when they do. */
  roleRefusalOf(grant: Grant): string | undefined
  isLocked(subject: { readonly workloadIdentity: string; readonly spiffeId: string }): boolean
  /** A lock on the bot, its instance or its join token: nothing is handed out any more. */
  readonly botLocked: boolean
  /** Grows with each change. */
  readonly version: number
}

/** Undefined before the first sync, unless a sealed state was there. */
export type KnowledgeSource = Watchable<Knowledge | undefined>

/** Which workload identity an SVID is wanted for, and the attributes by which the agent decided. */
export interface IdentityClaim {
  readonly workloadIdentity: string
  readonly revision: string
  readonly spiffeId: string
  /** Of the key that an X.509-SVID is asked for. */
  readonly keyType: KeyType
  readonly workloadAttributes: Attributes
}

/** The authority, as far as SVIDs are concerned. @throws RpcError */
export interface Issuer {
  issueX509(
    claim: IdentityClaim,
    publicKeyDer: Buffer,
  ): Promise<{ readonly chain: readonly Buffer[]; readonly notBefore: number; readonly notAfter: number }>
  issueJwt(
    claim: IdentityClaim,
    audience: readonly string[],
  ): Promise<{ readonly token: string; readonly issuedAt: number; readonly expiresAt: number }>
}

/** What the audit log shall hear of, as this agent's word. Never waits, never throws. */
export interface DeliveryReporter {
  denied(detail: object): void
  delivered(detail: object): void
}
