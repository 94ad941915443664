import { readFileSync } from 'node:fs'
import { totalmem } from 'node:os'

/** The resources that this process may use. */
interface Resources {
  /** The soft RLIMIT_NOFILE. */
  readonly openFiles: number
  /** The machine's memory, or the cgroup's limit if that is lower. */
  readonly memoryBytes: number
}

export interface SocketLimits {
  readonly max: number
  readonly maxPerUid: number
}

/** File descriptors per connection: a socket and a pidfd. */
const FILES_A_CONNECTION = 2
/**
 * Descriptors reserved for the program itself: listeners, the authority, state files, executables
 * being read.
 */
const FILES_KEPT_FREE = 128
const SHARE_KEPT_FREE = 1 / 16
/** Memory per connection with an open stream, data in flight included. */
const BYTES_A_CONNECTION = 128 * 1024
/** The share of the memory that connections may use. */
const SHARE_OF_MEMORY = 1 / 2
const FEWEST = 16

/** The configured limits, lowered to what file descriptors and memory allow. */
export function connectionLimits(asked: SocketLimits, { openFiles, memoryBytes }: Resources): SocketLimits {
  const keptFree = Math.max(FILES_KEPT_FREE, openFiles * SHARE_KEPT_FREE)
  const byFiles = Math.floor((openFiles - keptFree) / FILES_A_CONNECTION)
  const byMemory = Math.floor((memoryBytes * SHARE_OF_MEMORY) / BYTES_A_CONNECTION)
  const max = Math.min(asked.max, Math.max(FEWEST, Math.min(byFiles, byMemory)))
  return { max, maxPerUid: Math.min(asked.maxPerUid, max) }
}

export function resourcesOfThisProcess(): Resources {
  const constrained = process.constrainedMemory()
  const memoryBytes = constrained > 0 ? Math.min(constrained, totalmem()) : totalmem()
  return { openFiles: openFilesLimit(), memoryBytes }
}

function openFilesLimit(): number {
  const soft = /^Max open files\s+(\S+)/m.exec(readFileSync('/proc/self/limits', 'latin1'))?.[1]
  const files = Number(soft)
  return Number.isInteger(files) && files > 0 ? files : Number.MAX_SAFE_INTEGER // "unlimited"
}
