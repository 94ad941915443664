import { closeSync, constants, fstatSync, openSync } from 'node:fs'
import { fileReason } from '../foundation/file-reason.ts'
import { LockFileError } from './errors.ts'
import { loadLibc } from './libc.ts'

const LOCK_EX = 2
const LOCK_NB = 4

/**
 * Takes an exclusive flock(2) on a file, which is created if absent. Returns undefined if another
 * process, or another part of this one, holds the lock. The kernel releases it when the process
 * ends, however it ends. The file is never removed: otherwise two holders could each lock a file of
 * their own. A file of another user is refused, because that user could hold the lock for ever and
 * pass for another instance.
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
