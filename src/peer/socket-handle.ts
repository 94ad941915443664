import type net from 'node:net'
import { KernelUnsupportedError } from './errors.ts'

/**
 * The parts of a socket's handle that Node does not expose: the descriptor, and a way to stop
 * reading below HTTP/2, which reads from the handle directly and ignores `pause()`. Only this file
 * uses them; it can go once Node exposes both.
 */
interface Handle {
  readonly fd?: number
  readStop?(): number
  readStart?(): number
}

const handleOf = (socket: net.Socket): Handle | null | undefined =>
  (socket as unknown as { readonly _handle: Handle | null })._handle

/**
 * Checks on a listening server that its handle, which is of the same kind as a socket's, has these
 * parts.
 * @throws KernelUnsupportedError
 */
export function requireSocketHandles(server: net.Server): void {
  const handle = (server as unknown as { readonly _handle?: Handle | null })._handle
  if ((handle?.fd ?? -1) >= 0 && handle?.readStop && handle.readStart) return
  throw new KernelUnsupportedError(
    `Node ${process.versions.node} does not show the descriptors of its sockets, so no caller can be attested: run this on Node 24 or 26`,
  )
}

/** Undefined or negative if the socket is closed. */
export function descriptorOf(socket: net.Socket): number | undefined {
  return handleOf(socket)?.fd
}

/** Stops reading. What the peer sends fills the kernel's buffers, and then the peer's writes block. */
export function stopReading(socket: net.Socket): void {
  if (!socket.destroyed) handleOf(socket)?.readStop?.()
}

export function startReading(socket: net.Socket): void {
  if (!socket.destroyed) handleOf(socket)?.readStart?.()
}
