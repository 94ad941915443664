import type { Backoff } from '../../foundation/backoff.ts'
import type { Attributes } from '../../policy/attributes.ts'
import type { Grant } from '../../policy/compile.ts'
import type { IdentityClaim } from './svid-issuer.ts'
import type { Life } from './svid-life.ts'

/** An X.509-SVID with its key, ready to be sent. */
export interface CachedX509Svid extends Life {
  readonly spiffeId: string
  /** DER certificates, leaf first, concatenated. */
  readonly chainDer: Buffer
  /** Unencrypted PKCS#8. */
  readonly keyDer: Buffer
  readonly serial: string
  /** Key identifiers of the CAs that signed the chain's certificates, in hex. */
  readonly signedBy: readonly string[]
  readonly receivedMs: number
  readonly renewAtMs: number
}

/** The state of one rendered identity that was requested. Only {@link X509Cache} changes it. */
export interface X509Entry {
  readonly key: string
  claim: IdentityClaim
  /** What was granted; undefined for a restored entry that nobody has asked for yet. */
  grant: Grant | undefined
  /** The SVID to hand out: the newest of `kept` that is valid now. */
  svid: CachedX509Svid | undefined
  /** Newest first, including those that are not valid by this host's clock. */
  kept: readonly CachedX509Svid[]
  /** Why the last attempt failed; undefined after a success and before the first attempt. */
  failure: unknown
  /** When the next work is due: renew, retry or withdraw. */
  dueMs: number
  /** No attempt before this time. */
  retryMs: number
  triedMs: number
  askedMs: number
  /** The identity sets with open streams that hold it. */
  readonly holders: Set<Holder>
  inFlight: boolean
  readonly backoff: Backoff
}

/** Callers with open streams, for whom an identity is kept renewed. */
export interface Holder {
  readonly streams: number
  /** The `workload.*` of one of them that is alive. */
  living(): Attributes | undefined
}

/** The part of an entry that readers see. */
export type X509State = Pick<Readonly<X509Entry>, 'svid' | 'failure' | 'inFlight'>

/** Whether there is a result: an SVID, or the failure to get one. */
export function isSettled(state: X509State): boolean {
  return state.svid !== undefined || (!state.inFlight && state.failure !== undefined)
}
