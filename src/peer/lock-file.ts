import { closeSync, constants, fstatSync, openSync } from 'node:fs'
import { fileReason } from '../foundation/file-reason.ts'
import { LockFileError } from './errors.ts'
import { loadLibc } from './libc.ts'

const LOCK_EX = 2
const LOCK_NB = 4

/**
 * Takes an exclusive flock(2) on a file that is made when it is absent; undefined when another process (or another part of this one) holds
 * it. The kernel drops the lock with the process, however it ends. The file stays: removing it would let two holders each lock their own.
 * One of somebody else's is refused: he can hold its lock for as long as he likes, and would be taken for another process of ours.
 * @throws LockFileError
 */
export function acquireLockFile(path: string): Disposable | undefined {
  let fd: number
  try {
    fd = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600)
  } catch (error) {
    throw new LockFileError(`cannot open the lock file ${path}`, { cause: error, detail: fileReason(error) })
  }
  const { uid } = fstatSync(fd)
  if (uid !== 0 && uid !== process.geteuid?.()) {
    closeSync(fd)
    throw new LockFileError(
      `the lock file ${path} belongs to uid ${uid}, not to this user or root: remove it`,
    )
  }
  if (loadLibc().flock(fd, LOCK_EX | LOCK_NB) !== 0) {
    closeSync(fd)
    return undefined
  }
  let held = true
  return {
    [Symbol.dispose]: () => {
      if (held) closeSync(fd)
      held = false
    },
  }
}
