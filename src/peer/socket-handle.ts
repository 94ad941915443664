import type net from 'node:net'

/**
 * What Node has no public name for on a socket: its descriptor, and to stop reading below HTTP/2, which reads the handle by itself (`pause()`
 * is for streams). test/integration/peer.test.ts and fair-users.test.ts notice when a line here breaks.
 */
interface Handle {
  readonly fd?: number
  readStop?(): number
  readStart?(): number
}

const handleOf = (socket: net.Socket): Handle | null | undefined =>
  (socket as unknown as { readonly _handle: Handle | null })._handle

/** Undefined or below 0 when the socket is closed. */
export function descriptorOf(socket: net.Socket): number | undefined {
  return handleOf(socket)?.fd
}

/** What the peer sends stays with the kernel, and in the end with the peer. */
export function stopReading(socket: net.Socket): void {
  if (!socket.destroyed) handleOf(socket)?.readStop?.()
}

export function startReading(socket: net.Socket): void {
  if (!socket.destroyed) handleOf(socket)?.readStart?.()
}
