import { MAX_SOCKET_PATH_BYTES } from '../foundation/socket-path-limit.ts'
import type { Problem } from './problem.ts'

/**
 * Checks the length of a socket path. The kernel would truncate or refuse a longer one with an
 * unhelpful error.
 */
export function checkSocketPath(path: readonly PropertyKey[], socket: string): Problem[] {
  const bytes = Buffer.byteLength(socket)
  if (bytes <= MAX_SOCKET_PATH_BYTES) return []
  const message = `${socket} has ${bytes} bytes, a Unix socket path has at most ${MAX_SOCKET_PATH_BYTES}`
  return [{ path, message }]
}
