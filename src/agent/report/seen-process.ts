import type { Peer } from '../../peer/peer.ts'
import type { SeenProcess } from './delivery-reporter.ts'

/** Users can choose paths, so the audit log gets at most this many characters. */
const MAX_PATH_LENGTH = 256

/** The audit log's facts about a caller, as of when it connected. */
export function seenProcess({ credentials, executable, startedAtMs }: Peer): SeenProcess {
  const { pid, uid, gid } = credentials
  const startedMs = Math.floor(startedAtMs)
  const path = executable?.path
  return { uid, gid, pid, startedMs, ...(path !== undefined && { binaryPath: shortened(path) }) }
}

function shortened(path: string): string {
  return (path.length <= MAX_PATH_LENGTH ? path : `${path.slice(0, MAX_PATH_LENGTH)}…`).toWellFormed()
}
