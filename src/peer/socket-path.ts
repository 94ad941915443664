import {
  chmodSync,
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  lstatSync,
  openSync,
  renameSync,
  type Stats,
  statSync,
  unlinkSync,
} from 'node:fs'
import net from 'node:net'
import path from 'node:path'
import { messageOf } from '../foundation/errors.ts'
import { makeDirectories } from '../foundation/private-directory.ts'
import { MAX_SOCKET_PATH_BYTES } from '../foundation/socket-path-limit.ts'
import { SocketInUseError, SocketPathError } from './errors.ts'
import { acquireLockFile } from './lock-file.ts'

/** @throws SocketPathError if no client could connect to a socket at this path */
export function checkSocketPath(socketPath: string): void {
  const length = Buffer.byteLength(socketPath)
  if (!path.isAbsolute(socketPath))
    throw new SocketPathError(`the socket path must be absolute: ${socketPath}`)
  if (length > MAX_SOCKET_PATH_BYTES) {
    throw new SocketPathError(
      `the socket path has ${length} bytes, but may have at most ${MAX_SOCKET_PATH_BYTES}: choose a shorter one than ${socketPath}`,
    )
  }
}

/**
 * Whether users other than the owner can enter the directory. A directory above it may keep them
 * out.
 */
function isReachable(directory: string): boolean {
  const isOpen = (statSync(directory).mode & 0o011) !== 0
  return isOpen && (path.dirname(directory) === directory || isReachable(path.dirname(directory)))
}

/** The nearest directory above a path in which every user may create entries, such as `/tmp`. */
export function sharedDirectoryAbove(file: string): string | undefined {
  const directory = path.dirname(file)
  if ((statSync(directory, { throwIfNoEntry: false })?.mode ?? 0) & 0o002) return directory
  return directory === path.dirname(directory) ? undefined : sharedDirectoryAbove(directory)
}

/**
 * The mode with which a socket's directory is created, and whether one that others can enter is
 * refused.
 */
interface SocketDirectoryOptions {
  readonly mode: number
  readonly isPrivate?: boolean
}

/** Creates the directory if absent. Refuses one in which another user could replace the socket. */
function prepareSocketDirectory(directory: string, { mode, isPrivate }: SocketDirectoryOptions): void {
  try {
    const isMade = makeDirectories(directory, mode).includes(path.resolve(directory))
    if (isMade) restoreMode(directory, mode)
    const stats = statSync(directory)
    const us = process.geteuid?.() ?? 0
    if (stats.uid !== 0 && stats.uid !== us) {
      throw new SocketPathError(
        `${directory} belongs to uid ${stats.uid}: the directory of a socket must be ours or root's`,
      )
    }
    if ((stats.mode & 0o022) !== 0 && (stats.mode & 0o1000) === 0) {
      throw new SocketPathError(
        `${directory} is writable by others: chmod go-w ${directory}, or set its sticky bit`,
      )
    }
    if (isPrivate && isReachable(directory)) {
      throw new SocketPathError(
        `${directory} is open to others: chmod 700 ${directory}, or choose another one`,
      )
    }
  } catch (error) {
    if (error instanceof SocketPathError) throw error
    throw new SocketPathError(`cannot use the directory ${directory}`, {
      cause: error,
      detail: messageOf(error),
    })
  }
}

/** Gives a directory that we made the bits that the umask cleared; never a link that took its place. */
function restoreMode(directory: string, mode: number): void {
  const fd = openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW)
  try {
    if (fstatSync(fd).uid === process.geteuid?.()) fchmodSync(fd, mode)
  } finally {
    closeSync(fd)
  }
}

/**
 * What lies at the path of a socket: ours, nothing, a socket of another program that lives or died, or
 * something else. `nothing` is also said when the directory was replaced, with the lock file in it.
 */
type SocketFound = 'ours' | 'nothing' | 'foreign' | 'dead' | 'no_socket'

/**
 * A socket's path in the file system, held under a lock file. The socket is bound under a temporary
 * name and then renamed, so that clients never find one with the wrong mode or without a listener.
 * It is removed only if it is still the one that this object put there.
 */
export class SocketPlace implements Disposable {
  readonly path: string
  /**
   * Where to bind: a path through a descriptor of the directory, so that the temporary name is
   * never too long.
   */
  readonly temporaryPath: string
  readonly #lock: Disposable
  readonly #directoryFd: number
  #isLeft = false
  #placed: { readonly device: number; readonly inode: number } | undefined

  private constructor(socketPath: string, lock: Disposable, directoryFd: number) {
    this.path = socketPath
    this.#lock = lock
    this.#directoryFd = directoryFd
    this.temporaryPath = `/proc/self/fd/${directoryFd}/.${path.basename(socketPath)}.new`
  }

  /** @throws SocketInUseError | SocketPathError | LockFileError */
  static async take(socketPath: string, directoryOptions: SocketDirectoryOptions): Promise<SocketPlace> {
    checkSocketPath(socketPath)
    const directory = path.dirname(socketPath)
    prepareSocketDirectory(directory, directoryOptions)
    const lock = acquireLockFile(`${socketPath}.lock`)
    if (lock === undefined) throw new SocketInUseError(`another process serves ${socketPath}`)
    try {
      if (await isServed(socketPath)) throw new SocketInUseError(`another process serves ${socketPath}`)
      const place = new SocketPlace(
        socketPath,
        lock,
        openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY),
      )
      // Left by a process that died while binding; the lock excludes a live one.
      removeIfThere(place.temporaryPath)
      return place
    } catch (error) {
      lock[Symbol.dispose]()
      throw error
    }
  }

  /** Renames the bound socket to its final path. */
  place(mode: number): void {
    chmodSync(this.temporaryPath, mode)
    const { dev, ino } = lstatSync(this.temporaryPath)
    renameSync(this.temporaryPath, this.path)
    this.#placed = { device: dev, inode: ino }
  }

  /** Looks what lies at the path now. */
  async look(): Promise<SocketFound> {
    const found = entryAt(this.path)
    if (found === undefined) return 'nothing'
    if (found.dev === this.#placed?.device && found.ino === this.#placed.inode) return 'ours'
    if (!found.isSocket()) return 'no_socket'
    return (await answers(this.path)) ? 'foreign' : 'dead'
  }

  /**
   * Removes the socket, so that new clients fail immediately. One that another process put there
   * stays.
   */
  remove(): void {
    const placed = this.#placed
    this.#placed = undefined
    if (placed === undefined) return
    const found = entryAt(this.path)
    if (found?.dev === placed.device && found.ino === placed.inode) removeIfThere(this.path)
  }

  [Symbol.dispose](): void {
    if (this.#isLeft) return
    this.#isLeft = true
    this.remove()
    closeSync(this.#directoryFd)
    this.#lock[Symbol.dispose]()
  }
}

/** Undefined when there is none, also because a directory above it was replaced or closed to us. */
function entryAt(file: string): Stats | undefined {
  try {
    return lstatSync(file)
  } catch {
    return undefined
  }
}

function removeIfThere(file: string): void {
  try {
    unlinkSync(file)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
}

async function isServed(socketPath: string): Promise<boolean> {
  const found = lstatSync(socketPath, { throwIfNoEntry: false })
  if (found === undefined) return false
  if (!found.isSocket()) throw new SocketPathError(`${socketPath} exists and is not a socket: move it away`)
  return answers(socketPath)
}

/** Whether a process listens on the socket. Only ECONNREFUSED means that there is none. */
async function answers(socketPath: string): Promise<boolean> {
  const probe = net.connect(socketPath)
  try {
    const code = await new Promise<string | undefined>((resolve) => {
      probe.once('connect', () => resolve(undefined))
      probe.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'unknown'))
    })
    return code !== 'ECONNREFUSED' && code !== 'ENOENT'
  } finally {
    probe.destroy()
  }
}
