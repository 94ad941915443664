import type { SpiffeId } from '../spiffe/spiffe-id.ts'

/** Keyed by the object that represents the peer, so nothing that a peer sends can add an entry. */
const verified = new WeakMap<object, SpiffeId>()

export function rememberPeer(subject: object, peerId: SpiffeId): void {
  verified.set(subject, peerId)
}

/**
 * Returns the verified SPIFFE ID of a peer: of a TLS socket, an HTTP request or a gRPC call that a
 * server or connection of this library produced. It is the one of the handshake for as long as the
 * connection lasts.
 * @throws TypeError for any other object
 */
export function peerIdOf(subject: object): SpiffeId {
  const { socket, metadata } = subject as { socket?: object; metadata?: object }
  for (const each of [subject, socket, metadata]) {
    const peerId = each && verified.get(each)
    if (peerId) return peerId
  }
  throw new TypeError(
    'this peer is not verified: it did not come through a server or connection of @signet-spiffe/client',
  )
}
