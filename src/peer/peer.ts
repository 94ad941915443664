import { ProcessNotFoundError, UnknownPeerError } from './errors.ts'
import type { ExecutableId, MountNamespace, PeerCredentials, PeerKernel, ProcessFacts } from './kernel.ts'
import { TICKS_PER_SECOND } from './kernel.ts'

export type { PeerCredentials } from './kernel.ts'

/**
 * The kernel's default overflow uid, which stands for every user that is not mapped in this
 * namespace.
 */
const OVERFLOW_UID = 65_534
const HIDDEN = 'the caller lives, but /proc does not show it to this program (hidepid=, ProtectProc=)'

/** The peer's executable at connect time. */
interface Executable extends ExecutableId {
  readonly path?: string
  readonly isDeleted: boolean
}

/**
 * A caller, pinned by its pidfd (decision 0006), so that a process that reuses its pid is never
 * mistaken for it. Its uid, gid, executable and start time are recorded, and uid, gid and
 * executable are compared at every use.
 */
export class Peer implements Disposable {
  readonly credentials: PeerCredentials
  /** Undefined if this program may not inspect it; attestors then yield no executable attributes. */
  readonly executable: Executable | undefined
  /** Clock ticks since boot. */
  readonly startedAtTicks: bigint
  readonly #kernel: PeerKernel
  #disposed = false

  /** Takes ownership of the pidfd, even if it throws. */
  constructor(credentials: PeerCredentials, kernel: PeerKernel) {
    this.credentials = credentials
    this.#kernel = kernel
    try {
      const facts = this.#pin()
      this.executable = facts.executable && withPath(kernel, credentials.pid, facts.executable)
      this.startedAtTicks = kernel.startTicks(credentials.pid)
      // Checked after everything was read, to detect a process that exited or was replaced
      // meanwhile.
      const changed = this.changedSinceAccept()
      if (changed !== undefined) {
        throw new UnknownPeerError('the caller changed while it connected', { detail: changed })
      }
    } catch (error) {
      const isHidden = error instanceof ProcessNotFoundError && !this.hasExited()
      this[Symbol.dispose]()
      throw isHidden ? new UnknownPeerError(HIDDEN) : error
    }
  }

  /** Pins the peer of a connected socket. @throws UnknownPeerError | ProcessNotFoundError */
  static ofSocket(kernel: PeerKernel, socketFd: number): Peer {
    const { pid, uid, gid } = kernel.identify(socketFd)
    if (pid <= 0) {
      throw new UnknownPeerError('the caller lives in a PID namespace that is not visible from here')
    }
    return new Peer({ pid, uid, gid, pidfd: kernel.openPeer(socketFd) }, kernel)
  }

  /** The start time of the process in milliseconds since 1970, exact to 10 ms. */
  get startedAtMs(): number {
    return this.#kernel.bootTimeMs + (Number(this.startedAtTicks) * 1000) / TICKS_PER_SECOND
  }

  /** The login uid, which survives sudo and su; undefined if there is none. Read on access. */
  get loginUid(): number | undefined {
    return this.#disposed ? undefined : this.#kernel.loginUid(this.credentials.pid)
  }

  /**
   * Whether this program has permission to inspect the executable. If `executable` is undefined
   * although this is true, the process is suspect.
   */
  get mayBeInspected(): boolean {
    return this.#kernel.mayInspect(this.credentials.uid)
  }

  /**
   * Undefined if it cannot be read. Read on each call, like the two below, because a process can
   * change it.
   */
  mountNamespace(): MountNamespace | undefined {
    return this.#disposed ? undefined : this.#kernel.mountNamespace(this.credentials.pid)
  }

  cgroup(): string | undefined {
    return this.#disposed ? undefined : this.#kernel.cgroup(this.credentials.pid)
  }

  supplementaryGroups(): readonly number[] | undefined {
    return this.#disposed ? undefined : this.#kernel.supplementaryGroups(this.credentials.pid)
  }

  hasExited(): boolean {
    return this.#disposed || this.#kernel.hasExited(this.credentials.pidfd)
  }

  /**
   * Says what differs from the process that connected; undefined if nothing does. Liveness is
   * checked last: a pid cannot be reused before its process is reaped, so if the process still
   * lives, everything above was read from it. For the same reason the start time, which exec does
   * not change, is not compared again.
   */
  changedSinceAccept(): string | undefined {
    if (this.#disposed) return 'disconnected' // the descriptor number may already be reused for another peer
    const { pid, pidfd } = this.credentials
    let now: ProcessFacts
    try {
      now = this.#kernel.read(pid, pidfd)
    } catch {
      return 'exited' // whatever the cause, the process can no longer be verified
    }
    if (this.#kernel.hasExited(pidfd)) return 'exited'
    return this.#difference(now)
  }

  [Symbol.dispose](): void {
    if (this.#disposed) return
    this.#disposed = true
    this.#kernel.closePidfd(this.credentials.pidfd)
  }

  #pin(): ProcessFacts {
    const { pid, uid, pidfd } = this.credentials
    const facts = this.#kernel.read(pid, pidfd)
    if (uid === OVERFLOW_UID && !this.#kernel.sharesUserNamespace(pid)) {
      throw new UnknownPeerError('the caller lives in a user namespace whose users are not known here')
    }
    return facts
  }

  #difference(now: ProcessFacts): string | undefined {
    const { uid, gid } = this.credentials
    if (now.uid !== uid || now.gid !== gid) return 'other user or group'
    const { executable } = this
    if (now.executable?.inode !== executable?.inode || now.executable?.device !== executable?.device) {
      return 'other executable'
    }
    return undefined
  }
}

function withPath(kernel: PeerKernel, pid: number, executable: ExecutableId): Executable {
  const { path, isDeleted } = kernel.executablePath(pid, executable)
  return path === undefined ? { ...executable, isDeleted } : { ...executable, isDeleted, path }
}

/**
 * Pins a process that has not connected, for instance for `signet explain`. @throws
 * ProcessNotFoundError
 */
export function openPeerByPid(kernel: PeerKernel, pid: number): Peer {
  const pidfd = kernel.openProcess(pid)
  let facts: ProcessFacts
  try {
    facts = kernel.read(pid, pidfd)
  } catch (error) {
    kernel.closePidfd(pidfd)
    throw error
  }
  return new Peer({ pid, uid: facts.uid, gid: facts.gid, pidfd }, kernel)
}
