import type net from 'node:net'
import { KernelUnsupportedError } from './errors.ts'

/**
 * What Node has no public name for on a socket: its descriptor, and to stop reading below HTTP/2, which reads the handle by itself (`pause()`
 * is for streams). The only file that knows; it can go once Node names both.
 */
interface Handle {
  readonly fd?: number
  readStop?(): number
  readStart?(): number
}

const handleOf = (socket: net.Socket): Handle | null | undefined =>
  (socket as unknown as { readonly _handle: Handle | null })._handle

/** To be asked of a server that listens, whose handle is of the same kind. @throws KernelUnsupportedError */
export function requireSocketHandles(server: net.Server): void {
  const handle = (server as unknown as { readonly _handle?: Handle | null })._handle
  if ((handle?.fd ?? -1) >= 0 && handle?.readStop && handle.readStart) return
  throw new KernelUnsupportedError(
    `Node ${process.versions.node} does not show the descriptors of its sockets, so no caller can be attested: run this on Node 24 or 26`,
  )
}

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
