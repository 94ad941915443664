import type { KeyType } from '../../crypto/keys.ts'
import type { Attributes } from '../../policy/attributes.ts'
import type { Grant } from '../../policy/compile.ts'

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

/** The claim of a process that requests an SVID now. */
export function claimOf(grant: Grant, workload: Attributes, nowMs: number): IdentityClaim {
  return {
    workloadIdentity: grant.identity,
    revision: grant.revision,
    spiffeId: grant.spiffeId,
    keyType: grant.x509.keyType,
    workloadAttributes: workload,
    asked: { occasion: 'call', holders: 0, askedMs: nowMs },
  }
}
