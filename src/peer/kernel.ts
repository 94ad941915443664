/**
 * The identity of the process at the other end of a Unix socket, as the kernel recorded it at
 * connect(2).
 */
export interface PeerCredentials {
  readonly pid: number
  readonly uid: number
  readonly gid: number
  /** From SO_PEERPIDFD. The Peer owns and closes it. */
  readonly pidfd: number
}

/** Identifies the executable of a process in the file system. */
export interface ExecutableId {
  readonly device: bigint
  readonly inode: bigint
  /** The mount through which it was executed, as numbered in /proc/PID/mountinfo. */
  readonly mountId: bigint
}

/** The path of an executable, as far as it can be trusted. */
export interface ExecutablePath {
  /**
   * The file's path on this host, or the one it had before it was removed or replaced. Undefined if
   * it cannot be read, or if the path exists only in another mount namespace, where anyone can
   * forge one.
   */
  readonly path: string | undefined
  /** The file was removed or replaced, as by an upgrade. */
  readonly isDeleted: boolean
}

/** Whether a process is in the mount namespace of this host. */
export type MountNamespace = 'host' | 'other'

/** What can change in a process during its life, for instance by exec. */
export interface ProcessFacts {
  readonly uid: number
  readonly gid: number
  /** Undefined if /proc/PID/exe cannot be read: another user's process without CAP_SYS_PTRACE. */
  readonly executable: ExecutableId | undefined
}

/** The kernel's interface, implemented with koffi. No method blocks, not even on a dead mount. */
export interface PeerKernel {
  /** SO_PEERCRED alone, for the connection limits, which are checked first. */
  identify(socketFd: number): { readonly pid: number; readonly uid: number; readonly gid: number }
  /** Whether the peer has closed the connection. */
  hasHungUp(socketFd: number): boolean
  /** SO_PEERPIDFD. @throws ProcessNotFoundError if the process has exited and was reaped */
  openPeer(socketFd: number): number
  /** pidfd_open(2). @throws ProcessNotFoundError */
  openProcess(pid: number): number
  closePidfd(pidfd: number): void
  /** poll(pidfd, 0): true once the process has exited, even as a zombie. */
  hasExited(pidfd: number): boolean
  /** The current effective uid and gid, and the executable. @throws ProcessNotFoundError */
  read(pid: number, pidfd: number): ProcessFacts
  /** The start time of the process, in clock ticks since boot. @throws ProcessNotFoundError */
  startTicks(pid: number): bigint
  executablePath(pid: number, executable: ExecutableId): ExecutablePath
  /**
   * Whether paths can be resolved on this host. Without it no path of another mount namespace can
   * be verified.
   */
  readonly followsPaths: boolean
  /** Whether this process has CAP_SYS_PTRACE, and so may inspect the processes of all users. */
  readonly mayInspectAll: boolean
  /** Whether this program has permission to inspect the executables of this user's processes. */
  mayInspect(uid: number): boolean
  /** Undefined if it cannot be read. */
  mountNamespace(pid: number): MountNamespace | undefined
  /**
   * The path in the unified hierarchy (cgroup v2), or else in systemd's. Undefined if it cannot be
   * read.
   */
  cgroup(pid: number): string | undefined
  /** The current supplementary groups; undefined if they cannot be read. */
  supplementaryGroups(pid: number): readonly number[] | undefined
  /**
   * Identifies the content of the file at this path: device, inode, size, mtime and ctime.
   * Undefined if that cannot be read without blocking.
   */
  fileStamp(path: string): string | undefined
  /** False if the process is in another user namespace than this program, or if that cannot be read. */
  sharesUserNamespace(pid: number): boolean
  /**
   * The login uid (audit's loginuid), which survives sudo and su. Undefined if the process belongs
   * to no login.
   */
  loginUid(pid: number): number | undefined
  /** The boot time in milliseconds since 1970; start ticks count from it. */
  readonly bootTimeMs: number
}

/** Clock ticks per second in everything that Linux reports to user space (USER_HZ). */
export const TICKS_PER_SECOND = 100
