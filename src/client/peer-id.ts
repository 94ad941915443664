import type { SpiffeId } from '../spiffe/spiffe-id.ts'

/** By the object that stands for the peer: nothing that a peer sends can put an entry here. */
const verified = new WeakMap<object, SpiffeId>()

export function rememberPeer(subject: object, peerId: SpiffeId): void {
  verified.set(subject, peerId)
}

/**
 * The SPIFFE ID that the peer has proven: of a TLS socket, an HTTP request on one, or a gRPC call, as this library hands them out. It is
 * that of the handshake for as long as the connection lasts.
 */
export function peerIdOf(subject: object): SpiffeId {
  const { socket, metadata } = subject as { socket?: object; metadata?: object }
  for (const each of [subject, socket, metadata]) {
    const peerId = each && verified.get(each)
    if (peerId) return peerId
  }
  throw new TypeError(
    'nobody has verified this peer: it did not come through a server or connection of signet/client',
  )
}
