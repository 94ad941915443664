import type { Peer } from '../../peer/peer.ts'
import type { SeenProcess } from '../sync/knowledge.ts'

/** Of a path that a user may choose, the audit log gets so much. */
const MAX_PATH_LENGTH = 256

/** What the audit log shall know of a caller: as it was when it connected. */
export function seenProcess({ credentials, executable, startedAtMs }: Peer): SeenProcess {
  const { pid, uid, gid } = credentials
  const startedMs = Math.floor(startedAtMs)
  const path = executable?.path
  return { uid, gid, pid, startedMs, ...(path !== undefined && { binaryPath: shortened(path) }) }
}

function shortened(path: string): string {
  return (path.length <= MAX_PATH_LENGTH ? path : `${path.slice(0, MAX_PATH_LENGTH)}…`).toWellFormed()
}
