import type { Backoff } from '../../foundation/backoff.ts'
import type { Attributes } from '../../policy/attributes.ts'
import type { IdentityClaim } from '../sync/knowledge.ts'
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

/** One rendered identity, as far as it was asked for. Changed by {@link X509Cache} only. */
export interface X509Entry {
  readonly key: string
  claim: IdentityClaim
  /** What is handed out: the newest of `kept` that is valid now. */
  svid: CachedX509Svid | undefined
  /** Newest first, with those that the clock of this host lets nobody use now. */
  kept: readonly CachedX509Svid[]
  /** Why the last attempt gave nothing; undefined after a success and before the first attempt. */
  failure: unknown
  /** When something is to be done: renew, try again, or withdraw. */
  dueMs: number
  /** No attempt before this. */
  retryMs: number
  triedMs: number
  askedMs: number
  /** Identity sets with open streams that hold it. */
  readonly holders: Set<Holder>
  inFlight: boolean
  readonly backoff: Backoff
}

/** Some callers with open streams, for whom an identity is kept renewed. */
export interface Holder {
  readonly streams: number
  /** `workload.*` of one of them that is still there. */
  living(): Attributes | undefined
}

/** What a reader may know of an entry. */
export type X509State = Pick<Readonly<X509Entry>, 'svid' | 'failure' | 'inFlight'>

/** True once there is something to go by: an SVID, or the failure of the attempt to get one. */
export function isSettled(state: X509State): boolean {
  return state.svid !== undefined || (!state.inFlight && state.failure !== undefined)
}
