import { readFileSync, readlinkSync } from 'node:fs'
import type { ExecutableId, ExecutablePath } from './kernel.ts'
import type { Libc } from './libc.ts'
import { hasMount } from './proc-text.ts'
import { Statx } from './statx.ts'

const AT_FDCWD = -100
const O_PATH_CLOEXEC = 0o12000000n
/**
 * A path from the kernel contains no symbolic links; one that does was forged in another mount
 * namespace.
 */
const RESOLVE_NO_SYMLINKS = 0x04n
const RESOLVE_IN_ROOT = 0x10n
/** Resolves from the kernel's dentry cache or fails, so no file system, dead or remote, is accessed. */
const RESOLVE_CACHED = 0x20n
/** The kernel appends this to the path of a removed file. A file's real name may end like this, too. */
const DELETED = ' (deleted)'

/**
 * Checks paths of executables against the mounts of this host. The kernel reports a path as the
 * process's mount namespace has it, and anyone who creates a mount namespace can put any file at
 * any path in it.
 */
export class HostFiles {
  /**
   * The link target of `/proc/PID/ns/mnt`, of process 1, or of this process if the former cannot be
   * read.
   */
  readonly mountNamespace: string | undefined
  readonly #libc: Libc
  readonly #statx: Statx
  readonly #root: number
  readonly #mountInfo: string
  readonly #how = Buffer.alloc(24)

  constructor(libc: Libc) {
    this.#libc = libc
    this.#statx = new Statx(libc)
    // Under systemd's sandboxing this process has its own mount namespace; process 1 has the
    // host's.
    const first = namespaceOf('/proc/1')
    const process = first === undefined ? '/proc/self' : '/proc/1'
    this.mountNamespace = first ?? namespaceOf(process)
    this.#mountInfo = `${process}/mountinfo`
    this.#root = libc.open(`${process}/root`, Number(O_PATH_CLOEXEC))
    this.#how.writeBigUInt64LE(O_PATH_CLOEXEC, 0)
    this.#how.writeBigUInt64LE(RESOLVE_NO_SYMLINKS | RESOLVE_IN_ROOT | RESOLVE_CACHED, 16)
  }

  /**
   * False if openat2(2) is blocked, as by systemd's `RestrictSUIDSGID=` and old seccomp filters of
   * containers.
   */
  get followsPaths(): boolean {
    const fd = this.#follow('/')
    if (fd >= 0) this.#libc.close(fd)
    return fd >= 0
  }

  /** The path that `text`, the target of `/proc/PID/exe`, has on this host. */
  pathOf(text: string, executable: ExecutableId): ExecutablePath {
    if (this.#leadsTo(text, executable)) return { path: text, isDeleted: false }
    const isDeleted = text.endsWith(DELETED)
    // The file was removed, is covered by another mount or is not in the dentry cache. The path is
    // still the host's if the mount is.
    if (!this.#isHostMount(executable.mountId)) return { path: undefined, isDeleted }
    return { path: isDeleted ? text.slice(0, -DELETED.length) : text, isDeleted }
  }

  #leadsTo(path: string, { device, inode }: ExecutableId): boolean {
    const fd = this.#follow(path)
    if (fd < 0) return false
    const found = this.#statx.file(fd, '')
    this.#libc.close(fd)
    return found?.inode === inode && found.device === device
  }

  #follow(path: string): number {
    return this.#libc.openat2(this.#root < 0 ? AT_FDCWD : this.#root, path, this.#how)
  }

  #isHostMount(mountId: bigint): boolean {
    try {
      return hasMount(readFileSync(this.#mountInfo, 'latin1'), mountId)
    } catch {
      return false // no permission: the path cannot be verified
    }
  }
}

function namespaceOf(process: string): string | undefined {
  try {
    return readlinkSync(`${process}/ns/mnt`)
  } catch {
    return undefined // no permission
  }
}
