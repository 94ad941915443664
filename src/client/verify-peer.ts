import type { TLSSocket } from 'node:tls'
import { messageOf } from '../foundation/errors.ts'
import { peerChain } from '../rpc/tls-client-certificate.ts'
import type { SpiffeId } from '../spiffe/spiffe-id.ts'
import type { X509Svid } from '../spiffe/x509-svid.ts'
import type { Authorizer } from './authorize.ts'
import { PeerRefusedError } from './errors.ts'
import { rememberPeer } from './peer-id.ts'
import type { X509Source } from './x509-source.ts'

/** What mutual TLS needs: the SVIDs to present, the bundles to trust, and who is allowed. */
export interface MutualTls {
  readonly source: X509Source
  readonly authorize: Authorizer
}

/**
 * Verifies and authorizes the peer of a connection whose handshake is done. OpenSSL has proven only
 * that the peer holds the key of its certificate. The chain is validated against the bundle of its
 * own trust domain, so a federated trust domain cannot vouch for ours.
 * @throws PeerRefusedError
 */
export function verifyPeer(socket: TLSSocket, mtls: MutualTls): SpiffeId {
  // a resumed session does not prove possession of the key
  const chain = socket.isSessionReused() ? [] : peerChain(socket)
  if (chain.length === 0) throw new PeerRefusedError('no_certificate', 'it showed no certificate')
  let svid: X509Svid
  try {
    svid = mtls.source.validate(chain)
  } catch (cause) {
    throw new PeerRefusedError('not_valid', messageOf(cause), { cause })
  }
  checkAuthorized(svid, mtls.authorize)
  rememberPeer(socket, svid.spiffeId)
  return svid.spiffeId
}

function checkAuthorized({ spiffeId, chain }: X509Svid, authorize: Authorizer): void {
  const peerId = spiffeId.toString()
  let answer: unknown
  try {
    answer = authorize(spiffeId, chain)
  } catch (cause) {
    throw new PeerRefusedError('not_authorized', messageOf(cause), { cause, peerId })
  }
  if (answer !== true) throw new PeerRefusedError('not_authorized', `${peerId} is not authorized`, { peerId })
}
