/** Kernel-reported identity of the process at the other end of a Unix socket, as it was when it connected. */
export interface PeerCredentials {
  readonly pid: number
  readonly uid: number
  readonly gid: number
  /** From SO_PEERPIDFD. Owned by the Peer. */
  readonly pidfd: number
}

/** The file that a process runs, by its identity in the file system. */
export interface ExecutableId {
  readonly device: bigint
  readonly inode: bigint
  /** Of the mount through which it was executed, as /proc/PID/mountinfo numbers them. */
  readonly mountId: bigint
}

/** What the path of an executable is worth. */
export interface ExecutablePath {
  /**
   * Where the file lies on this host, or lay before it was removed or replaced. Undefined when it cannot be read, or when only another
   * mount namespace has a file of this name: such a name can be made out of nothing.
   */
  readonly path: string | undefined
  /** The file is not there any more, as after an upgrade. */
  readonly isDeleted: boolean
}

/** Whether a process sees the mounts of this host. */
export type MountNamespace = 'host' | 'other'

/** What can change in a process that keeps its pidfd. */
export interface ProcessFacts {
  readonly uid: number
  readonly gid: number
  /** Absent when /proc/PID/exe cannot be read: another user's process, and no CAP_SYS_PTRACE. */
  readonly executable: ExecutableId | undefined
}

/** Seam to the kernel: koffi today, a Node-API addon or node:ffi tomorrow. Every call returns at once, dead mounts or not. */
export interface PeerKernel {
  /** SO_PEERCRED alone, for the caps that come before anything is built. */
  identify(socketFd: number): { readonly pid: number; readonly uid: number; readonly gid: number }
  /** Whether the other end of a socket was closed. */
  hasHungUp(socketFd: number): boolean
  /** SO_PEERPIDFD. @throws ProcessNotFoundError when the process has exited and was reaped. */
  openPeer(socketFd: number): number
  /** pidfd_open(2). @throws ProcessNotFoundError */
  openProcess(pid: number): number
  closePidfd(pidfd: number): void
  /** poll(pidfd, 0): true once the process has exited, a zombie included. */
  hasExited(pidfd: number): boolean
  /** Effective uid and gid now, and the executable. @throws ProcessNotFoundError */
  read(pid: number, pidfd: number): ProcessFacts
  /** When the process was started, in clock ticks since boot. @throws ProcessNotFoundError */
  startTicks(pid: number): bigint
  executablePath(pid: number, executable: ExecutableId): ExecutablePath
  /** Whether a path can be followed on this host; without it no path of another mount namespace is known. */
  readonly followsPaths: boolean
  /** Whether this program has the right to see what processes of this user run. */
  mayInspect(uid: number): boolean
  /** Undefined when it cannot be read. */
  mountNamespace(pid: number): MountNamespace | undefined
  /** Path in the unified hierarchy, or that of systemd's where there is none; undefined when it cannot be read. */
  cgroup(pid: number): string | undefined
  /** Supplementary groups now; undefined when they cannot be read. */
  supplementaryGroups(pid: number): readonly number[] | undefined
  /** What names the content of the file at this path: device, inode, size, mtime, ctime. Undefined when it cannot be told at once. */
  fileStamp(path: string): string | undefined
  /** False when the process lives in another user namespace than this one, or that cannot be read. */
  sharesUserNamespace(pid: number): boolean
  /** The uid that logged in (audit's loginuid), which survives sudo and su; undefined when nobody did. */
  loginUid(pid: number): number | undefined
  /** Milliseconds since 1970 at which the machine booted: start ticks count from there. */
  readonly bootTimeMs: number
}

/** Clock ticks a second in everything that Linux shows to programs (USER_HZ). */
export const TICKS_PER_SECOND = 100
