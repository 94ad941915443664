import { MAX_SOCKET_PATH_BYTES } from '../foundation/socket-path-limit.ts'
import type { Problem } from './problem.ts'

/** The kernel would cut or refuse a longer path, with an error that names neither. */
export function checkSocketPath(path: readonly PropertyKey[], socket: string): Problem[] {
  const bytes = Buffer.byteLength(socket)
  if (bytes <= MAX_SOCKET_PATH_BYTES) return []
  const message = `${socket} has ${bytes} bytes, a Unix socket path has at most ${MAX_SOCKET_PATH_BYTES}`
  return [{ path, message }]
}
