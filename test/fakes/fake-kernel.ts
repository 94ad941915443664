import { ProcessNotFoundError } from '../../src/peer/errors.ts'
import type {
  ExecutableId,
  ExecutablePath,
  MountNamespace,
  PeerKernel,
  ProcessFacts,
} from '../../src/peer/kernel.ts'

/** A process of a {@link FakeKernel}. Tests may change it. */
export interface FakeProcess {
  pid: number
  uid: number
  gid: number
  executable: Omit<ExecutableId, 'mountId'> | undefined
  path: string | undefined
  startTicks: bigint
  exited: boolean
  /** /proc does not show it although it runs. */
  hidden: boolean
  sharesUserNamespace: boolean
  loginUid: number | undefined
  isDeleted: boolean
  mayInspect: boolean
  mountNamespace: MountNamespace | undefined
  cgroup: string | undefined
  groups: readonly number[] | undefined
}

/** A kernel with a single, connected process. */
export class FakeKernel implements PeerKernel {
  readonly bootTimeMs = 1_000_000
  readonly followsPaths = true
  readonly mayInspectAll = true
  readonly openPidfds = new Set<number>()
  readonly process: FakeProcess
  #nextPidfd = 100

  constructor(process: Partial<FakeProcess> = {}) {
    this.process = {
      pid: 812,
      uid: 1000,
      gid: 1000,
      executable: { device: 1n, inode: 42n },
      path: '/opt/payments/server',
      startTicks: 500n,
      exited: false,
      hidden: false,
      sharesUserNamespace: true,
      loginUid: undefined,
      isDeleted: false,
      mayInspect: true,
      mountNamespace: 'host',
      cgroup: '/system.slice/payments.service',
      groups: [4, 24, 1000],
      ...process,
    }
  }

  identify(): { pid: number; uid: number; gid: number } {
    const { pid, uid, gid } = this.process
    return { pid, uid, gid }
  }

  hasHungUp(): boolean {
    return false
  }

  openPeer(): number {
    if (this.process.exited) throw new ProcessNotFoundError('the caller has exited')
    const pidfd = this.#nextPidfd++
    this.openPidfds.add(pidfd)
    return pidfd
  }

  openProcess(pid: number): number {
    if (pid !== this.process.pid) throw new ProcessNotFoundError(`there is no process ${pid}`)
    return this.openPeer()
  }

  closePidfd(pidfd: number): void {
    this.openPidfds.delete(pidfd)
  }

  hasExited(): boolean {
    return this.process.exited
  }

  read(): ProcessFacts {
    if (this.process.exited || this.process.hidden) throw new ProcessNotFoundError('the process has exited')
    const { uid, gid, executable } = this.process
    return { uid, gid, executable: executable && { ...executable, mountId: 1n } }
  }

  startTicks(): bigint {
    return this.process.startTicks
  }

  executablePath(): ExecutablePath {
    const { path, isDeleted } = this.process
    return { path, isDeleted }
  }

  mayInspect(): boolean {
    return this.process.mayInspect
  }

  mountNamespace(): MountNamespace | undefined {
    return this.process.mountNamespace
  }

  cgroup(): string | undefined {
    return this.process.cgroup
  }

  supplementaryGroups(): readonly number[] | undefined {
    return this.process.groups
  }

  fileStamp(): string | undefined {
    return undefined
  }

  sharesUserNamespace(): boolean {
    return this.process.sharesUserNamespace
  }

  loginUid(): number | undefined {
    return this.process.loginUid
  }
}
