import { closeSync, readFileSync, readlinkSync } from 'node:fs'
import { constants as osConstants, release } from 'node:os'
import { KernelUnsupportedError, ProcessNotFoundError, SystemCallError } from './errors.ts'
import { HostFiles } from './host-files.ts'
import type { ExecutableId, ExecutablePath, MountNamespace, PeerKernel, ProcessFacts } from './kernel.ts'

import { type Libc, loadLibc } from './libc.ts'
import { cgroupOf, fieldOf, startTimeOf } from './proc-text.ts'
import { Statx } from './statx.ts'

// Constants of the kernel's ABI, the same on x86-64 and arm64.
const SOL_SOCKET = 1
const SO_PEERCRED = 17
const SO_PEERPIDFD = 77
const POLLIN = 1
const POLLHUP = 16
const POLLNVAL = 32
const AT_FDCWD = -100
const O_RDONLY_CLOEXEC = 0o2000000
/** _IOWR(0xFF, 11, struct pidfd_info) with the 64 bytes of its first version (Linux 6.13). */
const PIDFD_GET_INFO = 0xc040ff0b
const PIDFD_INFO_PID_AND_CREDS = 3n
const { EINTR, ESRCH, ENODATA, EINVAL } = osConstants.errno

const CAP_SYS_PTRACE = 19n

/** The loginuid of a process that belongs to no login. */
const NO_LOGIN_UID = 4_294_967_295

/**
 * Calls the kernel through the C library. The buffers are reused, which is safe because every call
 * is synchronous.
 */
export class KoffiKernel implements PeerKernel {
  readonly bootTimeMs: number
  readonly mayInspectAll: boolean
  readonly #libc: Libc
  readonly #ucred = Buffer.alloc(12)
  readonly #int = Buffer.alloc(4)
  readonly #length = Buffer.alloc(4)
  readonly #pollfd = Buffer.alloc(8)
  readonly #info = Buffer.alloc(64)
  readonly #statx: Statx
  readonly #text = Buffer.alloc(4096)
  readonly #hostFiles: HostFiles
  readonly #ownUid = process.geteuid?.() ?? 0
  #hasPidfdInfo = true

  constructor(libc: Libc) {
    this.#libc = libc
    this.#statx = new Statx(libc)
    this.#hostFiles = new HostFiles(libc)
    this.mayInspectAll = hasCapability(CAP_SYS_PTRACE)
    this.bootTimeMs = Number(/^btime (\d+)$/m.exec(readFileSync('/proc/stat', 'latin1'))?.[1] ?? 0) * 1000
  }

  identify(socketFd: number): { pid: number; uid: number; gid: number } {
    this.#option(socketFd, SO_PEERCRED, this.#ucred)
    return {
      pid: this.#ucred.readInt32LE(0),
      uid: this.#ucred.readUInt32LE(4),
      gid: this.#ucred.readUInt32LE(8),
    }
  }

  openPeer(socketFd: number): number {
    this.#option(socketFd, SO_PEERPIDFD, this.#int)
    return this.#int.readInt32LE(0)
  }

  openProcess(pid: number): number {
    const pidfd = pid > 0 ? this.#libc.pidfdOpen(pid) : -1
    // Also EINVAL, for the number of a thread, which is not a process.
    if (pidfd < 0) throw new ProcessNotFoundError(`there is no process ${pid}`)
    return pidfd
  }

  closePidfd(pidfd: number): void {
    closeSync(pidfd)
  }

  hasHungUp(socketFd: number): boolean {
    return this.#polled(socketFd, 0, POLLHUP | POLLNVAL)
  }

  hasExited(pidfd: number): boolean {
    return this.#polled(pidfd, POLLIN, POLLIN | POLLHUP | POLLNVAL)
  }

  /** Whether one of the events in `meant` is pending on a descriptor. Does not wait. */
  #polled(fd: number, asked: number, meant: number): boolean {
    this.#pollfd.writeInt32LE(fd, 0)
    this.#pollfd.writeInt16LE(asked, 4)
    this.#pollfd.writeInt16LE(0, 6)
    let ready = this.#libc.poll(this.#pollfd, 1, 0)
    while (ready < 0 && this.#libc.errno() === EINTR) ready = this.#libc.poll(this.#pollfd, 1, 0)
    if (ready < 0) throw new SystemCallError('poll', this.#libc.errno())
    return ready > 0 && (this.#pollfd.readInt16LE(6) & meant) !== 0
  }

  read(pid: number, pidfd: number): ProcessFacts {
    const owner = this.#ownerByPidfd(pidfd) ?? this.#ownerByStatus(pid)
    return { uid: owner.uid, gid: owner.gid, executable: this.#statx.file(AT_FDCWD, `/proc/${pid}/exe`) }
  }

  startTicks(pid: number): bigint {
    const stat = this.#readText(`/proc/${pid}/stat`)
    const ticks = stat && startTimeOf(stat)
    if (!ticks) throw new ProcessNotFoundError('the process has exited')
    return BigInt(ticks)
  }

  executablePath(pid: number, executable: ExecutableId): ExecutablePath {
    const text = readLink(`/proc/${pid}/exe`)
    return text === undefined
      ? { path: undefined, isDeleted: false }
      : this.#hostFiles.pathOf(text, executable)
  }

  get followsPaths(): boolean {
    return this.#hostFiles.followsPaths
  }

  mayInspect(uid: number): boolean {
    return this.mayInspectAll || uid === this.#ownUid
  }

  mountNamespace(pid: number): MountNamespace | undefined {
    const theirs = readLink(`/proc/${pid}/ns/mnt`)
    if (theirs === undefined) return undefined
    return theirs === this.#hostFiles.mountNamespace ? 'host' : 'other'
  }

  cgroup(pid: number): string | undefined {
    return cgroupOf(this.#readText(`/proc/${pid}/cgroup`) ?? '')
  }

  /** Does not use the fixed buffer: a process may have thousands of groups. */
  supplementaryGroups(pid: number): readonly number[] | undefined {
    try {
      return fieldOf(readFileSync(`/proc/${pid}/status`, 'latin1'), 'Groups')
        ?.split(' ')
        .filter((text) => text !== '')
        .map(Number)
    } catch {
      return undefined // hidden (hidepid), or the process has exited
    }
  }

  fileStamp(path: string): string | undefined {
    return this.#statx.content(path)
  }

  sharesUserNamespace(pid: number): boolean {
    const theirs = readLink(`/proc/${pid}/ns/user`)
    return theirs !== undefined && theirs === readLink('/proc/self/ns/user')
  }

  loginUid(pid: number): number | undefined {
    const text = this.#readText(`/proc/${pid}/loginuid`)
    const uid = text === undefined ? NO_LOGIN_UID : Number(text)
    return Number.isInteger(uid) && uid !== NO_LOGIN_UID ? uid : undefined
  }

  #option(socketFd: number, name: number, value: Buffer): void {
    this.#length.writeUInt32LE(value.length, 0)
    if (this.#libc.getsockopt(socketFd, SOL_SOCKET, name, value, this.#length) === 0) return
    const errno = this.#libc.errno()
    // The process was reaped before this call. The error is ESRCH, on newer kernels ENODATA or
    // EINVAL.
    if (name === SO_PEERPIDFD && (errno === ESRCH || errno === ENODATA || errno === EINVAL)) {
      throw new ProcessNotFoundError('the caller has exited')
    }
    throw new SystemCallError('getsockopt', errno)
  }

  /**
   * The effective uid and gid by PIDFD_GET_INFO; undefined on a kernel without it (before Linux
   * 6.13).
   */
  #ownerByPidfd(pidfd: number): { uid: number; gid: number } | undefined {
    if (!this.#hasPidfdInfo) return undefined
    const info = this.#info
    info.fill(0)
    info.writeBigUInt64LE(PIDFD_INFO_PID_AND_CREDS, 0)
    if (this.#libc.ioctl(pidfd, PIDFD_GET_INFO, info) !== 0) {
      if (this.#libc.errno() === ESRCH) throw new ProcessNotFoundError('the process has exited')
      this.#hasPidfdInfo = false
      return undefined
    }
    // struct pidfd_info: mask, cgroupid (8 each), pid, tgid, ppid, ruid, rgid, euid, egid …
    return { uid: info.readUInt32LE(36), gid: info.readUInt32LE(40) }
  }

  #ownerByStatus(pid: number): { uid: number; gid: number } {
    const status = this.#readText(`/proc/${pid}/status`) ?? ''
    const uid = fieldOf(status, 'Uid')?.split('\t')[1]
    const gid = fieldOf(status, 'Gid')?.split('\t')[1]
    if (uid === undefined || gid === undefined) throw new ProcessNotFoundError('the process has exited')
    return { uid: Number(uid), gid: Number(gid) }
  }

  /**
   * Reads a small file in /proc; undefined on failure. Plain system calls take a quarter of the
   * time of readFileSync.
   */
  #readText(path: string): string | undefined {
    const fd = this.#libc.open(path, O_RDONLY_CLOEXEC)
    if (fd < 0) return undefined
    const length = Number(this.#libc.read(fd, this.#text, this.#text.length))
    this.#libc.close(fd)
    return length < 0 ? undefined : this.#text.toString('latin1', 0, length)
  }
}

function hasCapability(capability: bigint): boolean {
  const effective = fieldOf(readFileSync('/proc/self/status', 'latin1'), 'CapEff') ?? '0'
  return ((BigInt(`0x${effective}`) >> capability) & 1n) === 1n
}

function readLink(path: string): string | undefined {
  try {
    return readlinkSync(path)
  } catch {
    return undefined // no such process, or no permission: the caller treats both as unknown
  }
}

/** Binds the kernel's interface. @throws KernelUnsupportedError if this machine cannot attest callers */
export function loadKernel(): PeerKernel {
  requireKernel(release())
  return new KoffiKernel(loadLibc())
}

/** @throws KernelUnsupportedError */
export function requireKernel(kernelRelease: string): void {
  const [major = 0, minor = 0] = kernelRelease.split('.', 2).map(Number)
  // SO_PEERPIDFD came with Linux 6.5. Without it a caller's pid may already belong to another
  // process.
  if (major < 6 || (major === 6 && minor < 5)) {
    throw new KernelUnsupportedError(
      `Linux 6.5 or newer is needed to attest callers, this is ${kernelRelease}`,
    )
  }
}
