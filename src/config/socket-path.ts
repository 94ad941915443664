import type { Path, SourceDocument } from './document.ts'
import { SOCKET_PATH_MAX_BYTES } from './fields.ts'

/** The kernel would cut or refuse a longer path, with an error that names neither. */
export function checkSocketPath(document: SourceDocument, path: Path, socket: string): string[] {
  const bytes = Buffer.byteLength(socket)
  if (bytes <= SOCKET_PATH_MAX_BYTES) return []
  return [
    document.problem(
      path,
      `${socket} has ${bytes} bytes, a Unix socket path has at most ${SOCKET_PATH_MAX_BYTES}`,
    ),
  ]
}
