import { closeSync, constants, fstatSync, lstatSync, mkdirSync, openSync, readlinkSync } from 'node:fs'
import path from 'node:path'
import { FileWriteError } from './atomic-file.ts'
import { CodedError } from './errors.ts'

/** The path leads through a link or directory of another user, who could redirect it. */
class ForeignPathError extends CodedError {
  override readonly name = 'ForeignPathError'
  readonly code = 'ERR_FILE_FOREIGN_PATH'
  readonly kind = 'failed_precondition'
}

/**
 * open(2): opens only the location, which needs no read permission. Linux only; Node has no
 * constant for it.
 */
const O_PATH = 0o10000000
const STEP = O_PATH | constants.O_DIRECTORY | constants.O_NOFOLLOW
/** The kernel has the same limit. */
const MAX_LINKS = 40

/** An open directory, which stays the same even if its path changes. */
export class OwnDirectory implements Disposable {
  readonly #fd: number

  private constructor(fd: number) {
    this.#fd = fd
  }

  /**
   * Opens a directory step by step, and creates missing ones with mode 0755. It follows only links
   * of this user and of root, and refuses a directory that another user has created inside a
   * world-writable one such as `/tmp`.
   * @throws ForeignPathError | FileWriteError
   */
  static open(directory: string): OwnDirectory {
    try {
      return new OwnDirectory(walk(directory))
    } catch (error) {
      throw error instanceof CodedError ? error : new FileWriteError(directory, error)
    }
  }

  /** Returns a path to a file in this directory that goes through the open descriptor. */
  fileNamed(name: string): string {
    return through(this.#fd, name)
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd)
  }
}

function walk(directory: string): number {
  const wanted = path.isAbsolute(directory) ? directory : `${process.cwd()}/${directory}`
  let steps = wanted.split('/')
  let fd = openSync('/', STEP)
  let links = 0
  try {
    while (steps.length > 0) {
      const [step = '', ...rest] = steps
      steps = rest
      if (step === '' || step === '.') continue
      const target = linkAt(fd, step, directory)
      if (target === undefined) fd = moved(fd, enter(fd, step, directory))
      else {
        if (++links > MAX_LINKS) throw new ForeignPathError(`${directory} leads through too many links`)
        steps = [...target.split('/'), ...rest]
        if (target.startsWith('/')) fd = moved(fd, openSync('/', STEP))
      }
    }
    return fd
  } catch (error) {
    closeSync(fd)
    throw error
  }
}

function moved(from: number, to: number): number {
  closeSync(from)
  return to
}

/** Returns the target of a link; undefined when the name does not exist or is not a link. */
function linkAt(fd: number, name: string, directory: string): string | undefined {
  const link = lstatSync(through(fd, name), { throwIfNoEntry: false })
  if (link?.isSymbolicLink() !== true) return undefined
  const target = readlinkSync(through(fd, name))
  const after = lstatSync(through(fd, name), { throwIfNoEntry: false })
  if (!isOurs(link.uid)) {
    throw new ForeignPathError(`${directory} leads through the link ${name} of uid ${link.uid}`)
  }
  if (after?.ino !== link.ino || after.ctimeMs !== link.ctimeMs) {
    throw new ForeignPathError(`${directory} leads through the link ${name}, which is being changed`)
  }
  return target
}

function enter(fd: number, name: string, directory: string): number {
  let made = false
  if (lstatSync(through(fd, name), { throwIfNoEntry: false }) === undefined) {
    mkdirSync(through(fd, name), { mode: 0o755 })
    made = true
  }
  const above = fstatSync(fd)
  const entered = openSync(through(fd, name), STEP)
  const { uid } = fstatSync(entered)
  if (!made && name !== '..' && (above.mode & 0o002) !== 0 && !isOurs(uid)) {
    closeSync(entered)
    throw new ForeignPathError(`${directory} leads through the directory ${name} of uid ${uid}`)
  }
  return entered
}

function isOurs(uid: number): boolean {
  return uid === 0 || uid === process.geteuid?.()
}

function through(fd: number, name: string): string {
  return `/proc/self/fd/${fd}/${name}`
}
