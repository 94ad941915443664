import { readFileSync, readlinkSync } from 'node:fs'
import type { ExecutableId, ExecutablePath } from './kernel.ts'
import type { Libc } from './libc.ts'
import { hasMount } from './proc-text.ts'
import { Statx } from './statx.ts'

const AT_FDCWD = -100
const O_PATH_CLOEXEC = 0o12000000n
/** The kernel's own paths have no links in them; one that has was made up in another mount namespace. */
const RESOLVE_NO_SYMLINKS = 0x04n
const RESOLVE_IN_ROOT = 0x10n
/** Answers from the kernel's memory or not at all: no file system, dead or remote, is ever asked. */
const RESOLVE_CACHED = 0x20n
/** What the kernel appends to the path of a file that was removed; a file may also be named so. */
const DELETED = ' (deleted)'

/**
 * The mounts of this host, against which the path of an executable is checked. The kernel names a file as its mount namespace does, and
 * whoever makes a namespace of their own can put any file at any path in it.
 */
export class HostFiles {
  /** As `/proc/PID/ns/mnt` names it: that of the first process, or ours when we may not see it. */
  readonly mountNamespace: string | undefined
  readonly #libc: Libc
  readonly #statx: Statx
  readonly #root: number
  readonly #mountInfo: string
  readonly #how = Buffer.alloc(24)

  constructor(libc: Libc) {
    this.#libc = libc
    this.#statx = new Statx(libc)
    // Under systemd's sandboxing our own mounts are not those of the host; those of the first process are.
    const first = namespaceOf('/proc/1')
    const process = first === undefined ? '/proc/self' : '/proc/1'
    this.mountNamespace = first ?? namespaceOf(process)
    this.#mountInfo = `${process}/mountinfo`
    this.#root = libc.open(`${process}/root`, Number(O_PATH_CLOEXEC))
    this.#how.writeBigUInt64LE(O_PATH_CLOEXEC, 0)
    this.#how.writeBigUInt64LE(RESOLVE_NO_SYMLINKS | RESOLVE_IN_ROOT | RESOLVE_CACHED, 16)
  }

  /** False where openat2(2) is taken away, as by systemd's `RestrictSUIDSGID=` and old filters of containers. */
  get followsPaths(): boolean {
    const fd = this.#follow('/')
    if (fd >= 0) this.#libc.close(fd)
    return fd >= 0
  }

  /** What `text`, the link of a process to its executable, says of this host. */
  pathOf(text: string, executable: ExecutableId): ExecutablePath {
    if (this.#leadsTo(text, executable)) return { path: text, isDeleted: false }
    const isDeleted = text.endsWith(DELETED)
    // Removed, covered by another mount, or not in the kernel's memory: the name is still the host's if the mount is.
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
      return false // not ours to see: then nothing vouches for the path
    }
  }
}

function namespaceOf(process: string): string | undefined {
  try {
    return readlinkSync(`${process}/ns/mnt`)
  } catch {
    return undefined // not ours to see
  }
}
