import { closeSync, constants, fstatSync, lstatSync, mkdirSync, openSync, readlinkSync } from 'node:fs'
import path from 'node:path'
import { FileWriteError } from './atomic-file.ts'
import { CodedError } from './errors.ts'

/** The path leads through a link or directory that another user owns, who could redirect it. */
class ForeignPathError extends CodedError {
  override readonly name = 'ForeignPathError'
  readonly code = 'ERR_FILE_FOREIGN_PATH'
  readonly kind = 'failed_precondition'
}

/** open(2): a place in the file system, which needs no right to read it. Linux; Node has no name for it. */
const O_PATH = 0o10000000
const STEP = O_PATH | constants.O_DIRECTORY | constants.O_NOFOLLOW
/** As the kernel's own limit. */
const MAX_LINKS = 40

/** A directory that stays the same however its path changes, while it is open. */
export class OwnDirectory implements Disposable {
  readonly #fd: number

  private constructor(fd: number) {
    this.#fd = fd
  }

  /**
   * Walks to a directory step by step, and makes what is not there with mode 0755. Only links of this user and of root are followed, and
   * a directory that somebody else has put below one that is open to all (`/tmp`) is refused.
   *
   * @throws ForeignPathError, FileWriteError
   */
  static open(directory: string): OwnDirectory {
    try {
      return new OwnDirectory(walk(directory))
    } catch (error) {
      throw error instanceof CodedError ? error : new FileWriteError(directory, error)
    }
  }

  /** Where a file of this name lies: through the open directory, not through its path. */
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

/** Where the link of this name leads; undefined when it is none, or is not there. */
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
