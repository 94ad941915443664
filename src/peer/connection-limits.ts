import { readFileSync } from 'node:fs'
import { totalmem } from 'node:os'

/** What this process may use in all. */
export interface Resources {
  /** RLIMIT_NOFILE. */
  readonly openFiles: number
  /** Of the machine, or of the cgroup where that is less. */
  readonly memoryBytes: number
}

export interface SocketLimits {
  readonly max: number
  readonly maxPerUid: number
}

/** A socket and a pidfd. */
const FILES_A_CONNECTION = 2
/** Those of the program itself: sockets that listen, the authority, state, executables that are read. */
const FILES_KEPT_FREE = 128
const SHARE_KEPT_FREE = 1 / 16
/** A connection with an open stream, and some room for what is on its way. */
const BYTES_A_CONNECTION = 128 * 1024
/** Of the memory, for connections. */
const SHARE_OF_MEMORY = 1 / 2
const FEWEST = 16

/** What was asked for, as far as descriptors and memory reach. */
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
