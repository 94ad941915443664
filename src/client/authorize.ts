import type { Certificate } from '../crypto/x509.ts'
import { SpiffeId } from '../spiffe/spiffe-id.ts'
import { TrustDomain } from '../spiffe/trust-domain.ts'

/**
 * Decides whether to accept a peer whose SPIFFE ID has been verified. Only the value `true` accepts
 * the peer; anything else, a promise included, refuses it. It may throw an error that gives the
 * reason.
 */
export type Authorizer = (peerId: SpiffeId, chain: readonly Certificate[]) => boolean

/** Accepts peers with one of these SPIFFE IDs. @throws InvalidSpiffeIdError */
export function authorizeId(...ids: readonly (string | SpiffeId)[]): Authorizer {
  if (ids.length === 0) throw new TypeError('authorizeId needs a SPIFFE ID')
  const allowed = new Set(ids.map((id) => SpiffeId.parse(String(id)).toString()))
  return (peerId) => allowed.has(peerId.toString())
}

/** Accepts every peer in these trust domains. @throws InvalidTrustDomainError */
export function authorizeMemberOf(...trustDomains: readonly (string | TrustDomain)[]): Authorizer {
  if (trustDomains.length === 0) throw new TypeError('authorizeMemberOf needs a trust domain')
  const allowed = new Set(trustDomains.map((each) => TrustDomain.parse(String(each)).name))
  return (peerId) => allowed.has(peerId.trustDomain)
}

/** Accepts every peer whose chain verifies against a bundle, federated trust domains included. */
export function authorizeAny(): Authorizer {
  return () => true
}
