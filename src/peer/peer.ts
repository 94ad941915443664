import { ProcessNotFoundError, UnknownPeerError } from './errors.ts'
import type { ExecutableId, MountNamespace, PeerCredentials, PeerKernel, ProcessFacts } from './kernel.ts'
import { TICKS_PER_SECOND } from './kernel.ts'

export type { PeerCredentials } from './kernel.ts'

/** What every unmapped user looks like from another user namespace (the kernel's default overflow uid). */
const OVERFLOW_UID = 65_534
const HIDDEN = 'the caller lives, but /proc does not show it to this program (hidepid=, ProtectProc=)'

/** The executable of a peer as it was when it connected. */
export interface Executable extends ExecutableId {
  readonly path?: string
  readonly isDeleted: boolean
}

/**
 * A caller pinned by its pidfd (decision 0006), so that a recycled pid is never mistaken for it. Its uid, gid,
 * executable and start time are pinned too, and compared at every use.
 */
export class Peer implements Disposable {
  readonly credentials: PeerCredentials
  /** Undefined when this program may not see it: no attribute may then be made of it. */
  readonly executable: Executable | undefined
  /** Clock ticks since boot. */
  readonly startedAtTicks: bigint
  readonly #kernel: PeerKernel
  #disposed = false

  /** Takes ownership of the pidfd, also when it throws. */
  constructor(credentials: PeerCredentials, kernel: PeerKernel) {
    this.credentials = credentials
    this.#kernel = kernel
    try {
      const facts = this.#pin()
      this.executable = facts.executable && withPath(kernel, credentials.pid, facts.executable)
      this.startedAtTicks = kernel.startTicks(credentials.pid)
      // Compared after everything was read: had the process exited or been replaced meanwhile, it would show.
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

  /** Accepts the peer of a connected socket. @throws UnknownPeerError | ProcessNotFoundError */
  static ofSocket(kernel: PeerKernel, socketFd: number): Peer {
    const { pid, uid, gid } = kernel.identify(socketFd)
    if (pid <= 0) {
      throw new UnknownPeerError('the caller lives in a PID namespace that is not visible from here')
    }
    return new Peer({ pid, uid, gid, pidfd: kernel.openPeer(socketFd) }, kernel)
  }

  /** When the process was started, milliseconds since 1970, exact to a hundredth of a second. */
  get startedAtMs(): number {
    return this.#kernel.bootTimeMs + (Number(this.startedAtTicks) * 1000) / TICKS_PER_SECOND
  }

  /** Who logged in, if anyone: survives sudo. Read when asked. */
  get loginUid(): number | undefined {
    return this.#disposed ? undefined : this.#kernel.loginUid(this.credentials.pid)
  }

  /** This program has the right to see what the process runs; when `executable` is undefined all the same, something is wrong with it. */
  get mayBeInspected(): boolean {
    return this.#kernel.mayInspect(this.credentials.uid)
  }

  /** Undefined when it cannot be read. Asked for at each use, like the two below: a process can change it. */
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
   * What differs from the process that connected, or undefined: it is still the same. Whether it lives is asked last: a pid cannot name another
   * process while this one is not reaped, so all that was read before was read of this one. (That is also why the start time, which exec does
   * not change, need not be compared again.)
   */
  changedSinceAccept(): string | undefined {
    if (this.#disposed) return 'disconnected' // the descriptor's number may already name another peer
    const { pid, pidfd } = this.credentials
    let now: ProcessFacts
    try {
      now = this.#kernel.read(pid, pidfd)
    } catch {
      return 'exited' // whatever the reason is, nothing vouches for it any more
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

/** Pins a process that has not connected, for questions of the kind "what would it get". @throws ProcessNotFoundError */
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
