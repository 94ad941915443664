import type { Certificate } from '../crypto/x509.ts'
import { SpiffeId } from '../spiffe/spiffe-id.ts'
import { TrustDomain } from '../spiffe/trust-domain.ts'

/**
 * Decides about a peer whose SPIFFE ID is proven. Only `true` lets it in: what returns nothing, or a promise, lets in nobody. It may
 * throw to say why not.
 */
export type Authorizer = (peerId: SpiffeId, chain: readonly Certificate[]) => boolean

/** Exactly these peers. @throws InvalidSpiffeIdError */
export function authorizeId(...ids: readonly (string | SpiffeId)[]): Authorizer {
  if (ids.length === 0) throw new TypeError('authorizeId needs a SPIFFE ID')
  const allowed = new Set(ids.map((id) => SpiffeId.parse(String(id)).toString()))
  return (peerId) => allowed.has(peerId.toString())
}

/** Every peer of these trust domains. @throws InvalidTrustDomainError */
export function authorizeMemberOf(...trustDomains: readonly (string | TrustDomain)[]): Authorizer {
  if (trustDomains.length === 0) throw new TypeError('authorizeMemberOf needs a trust domain')
  const allowed = new Set(trustDomains.map((each) => TrustDomain.parse(String(each)).name))
  return (peerId) => allowed.has(peerId.trustDomain)
}

/** Every peer that a bundle vouches for, federated trust domains included. */
export function authorizeAny(): Authorizer {
  return () => true
}
