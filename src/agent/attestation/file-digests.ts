import type { Clock, Scheduled } from '../../foundation/clock.ts'
import { FairQueue } from '../../foundation/fair-queue.ts'
import { SharedLru } from '../../foundation/shared-lru.ts'
import { DigestThread } from './digest-thread.ts'
import type { Sliced } from './digest-worker.ts'

const MAX_CACHED_DIGESTS = 1_024
/** How many files of one user may be queued or read. Further callers get no digest. */
const MAX_OF_USER = 64

/** The expected file; another may be at the path by the time it is opened. */
interface FileIdentity {
  readonly device: bigint
  readonly inode: bigint
}

/** The user who asks, and the file. */
export interface DigestRequest extends FileIdentity {
  readonly uid: number
  /** A path that leads to the file, such as /proc/PID/exe. */
  readonly path: string
}

interface FileDigestsOptions {
  readonly maxBytes: number
  readonly timeoutMs: number
  /**
   * Identifies the content of a file: device, inode, size, mtime and ctime. Must not block on a
   * dead mount; undefined if it cannot be read.
   */
  readonly stampOf: (path: string) => string | undefined
}

/** A file in the queue, and the requests that wait for its digest. */
interface Job {
  readonly id: number
  readonly request: DigestRequest
  readonly name: string
  /** The paths of all requests: a process may have exited before its turn. */
  readonly paths: string[]
  readonly waiting: Set<(digest: string | undefined) => void>
  isOpen: boolean
  key: string | undefined
}

/**
 * SHA-256 digests of executables, cached by what identifies their content and computed in a worker
 * thread. A cached one costs one statx(2). The others take turns, one slice per user after another,
 * so that users who run large or ever-changing files delay only themselves.
 */
export class FileDigests implements Disposable {
  readonly #clock: Clock
  readonly #options: FileDigestsOptions
  readonly #cache = new SharedLru<number, string>(MAX_CACHED_DIGESTS)
  /** By user and content; callers with the same file share one job. */
  readonly #jobs = new Map<string, Job>()
  readonly #turns = new FairQueue<number, Job>()
  readonly #ofUser = new Map<number, number>()
  readonly #late = new Map<number, number>()
  /** Files at which a thread is stuck. */
  readonly #stuckAt = new Set<DigestRequest>()
  readonly #thread: DigestThread
  #running: Job | undefined
  #made = 0

  constructor(clock: Clock, options: FileDigestsOptions) {
    this.#clock = clock
    this.#options = options
    this.#thread = new DigestThread({
      clock,
      patienceMs: options.timeoutMs,
      answered: (said) => this.#answered(said),
      lost: (ended) => this.#lost(ended),
    })
  }

  /** Increases when a digest is done after its requests have timed out: its user may then ask again. */
  lateOf(uid: number): number {
    return this.#late.get(uid) ?? 0
  }

  /** The digest, if it is cached. */
  known({ uid, path, device, inode }: DigestRequest): string | undefined {
    const stamp = this.#options.stampOf(path)
    if (stamp === undefined || !stamp.startsWith(`${device}:${inode}:`)) return undefined
    return this.#cache.get(stamp, uid)
  }

  /**
   * Computes the digest. Undefined if the path leads to another file, or if the file is too large,
   * unreadable, changes while it is read or takes too long.
   */
  of(request: DigestRequest): Promise<string | undefined> {
    const known = this.known(request)
    if (known !== undefined) return Promise.resolve(known)
    const job = this.#jobFor(request)
    if (job === undefined) return Promise.resolve(undefined)
    const { promise, resolve } = Promise.withResolvers<string | undefined>()
    let deadline: Scheduled | undefined
    const settle = (digest: string | undefined): void => {
      deadline?.cancel()
      job.waiting.delete(settle)
      resolve(digest)
    }
    job.waiting.add(settle)
    job.paths.push(request.path)
    deadline = this.#clock.schedule(this.#options.timeoutMs, () => {
      settle(undefined)
      if (job.waiting.size === 0 && !job.isOpen && this.#turns.remove(request.uid, job)) this.#over(job)
    })
    this.#next()
    return promise
  }

  [Symbol.dispose](): void {
    for (const job of this.#jobs.values()) this.#finish(job, undefined)
    this.#thread[Symbol.dispose]()
  }

  #jobFor(request: DigestRequest): Job | undefined {
    const { uid, path, device, inode } = request
    const name = `${uid} ${this.#options.stampOf(path) ?? `${device}:${inode}`}`
    const known = this.#jobs.get(name)
    if (known !== undefined) return known
    const others = this.#ofUser.get(uid) ?? 0
    if (others >= MAX_OF_USER || this.#thread.isStuck || this.#mayStick(request)) return undefined
    this.#made += 1
    const job: Job = {
      id: this.#made,
      request,
      name,
      paths: [],
      waiting: new Set(),
      isOpen: false,
      key: undefined,
    }
    this.#jobs.set(name, job)
    this.#ofUser.set(uid, others + 1)
    this.#turns.push(uid, job)
    return job
  }

  /**
   * Whether reading this file may block another thread: it is a stuck file, or of a user (except
   * root) who has one. One user must not take all threads from the others.
   */
  #mayStick({ uid, device, inode }: DigestRequest): boolean {
    return [...this.#stuckAt].some(
      (at) => (at.device === device && at.inode === inode) || (at.uid === uid && uid !== 0),
    )
  }

  #next(): void {
    if (this.#running !== undefined) return
    const job = this.#turns.take()?.item
    if (job === undefined) {
      this.#thread.rest()
      return
    }
    const known = job.key === undefined ? undefined : this.#cache.get(job.key, job.request.uid)
    if (known !== undefined) this.#finish(job, known) // computed for another user in the meantime
    this.#running = job
    const { id } = job
    if (job.isOpen) this.#thread.send({ id, hashes: this.#isWanted(job) })
    else this.#thread.send({ id, path: job.paths.shift() ?? '', hashes: true })
  }

  #isWanted(job: Job): boolean {
    return this.#jobs.get(job.name) === job
  }

  #answered(said: Sliced): void {
    const job = this.#running
    this.#running = undefined
    if (job?.id === said.id) this.#goOn(job, said)
    this.#next()
  }

  #goOn(job: Job, { key, size = 0, digest, failed }: Sliced): void {
    const { uid, device, inode } = job.request
    if (digest !== undefined && job.key !== undefined) this.#cache.set(job.key, digest, uid)
    if (!this.#isWanted(job)) return
    if (key !== undefined) {
      job.isOpen = true
      job.key = key
      // Not the file that the process executes, or too large: closed at its next turn.
      if (!key.startsWith(`${device}:${inode}:`) || size > this.#options.maxBytes)
        this.#finish(job, undefined)
    } else if (digest !== undefined || (failed === true && (job.isOpen || job.paths.length === 0))) {
      this.#finish(job, digest)
      return
    }
    this.#turns.putBack(uid, job) // a user's files are read one after another, so that few are open
  }

  /** The thread is stuck and was abandoned, with every file it had open. */
  #lost(ended: Promise<unknown>): void {
    const lost = this.#running
    this.#running = undefined
    if (lost !== undefined) {
      const { request } = lost
      this.#stuckAt.add(request)
      void ended.then(() => this.#stuckAt.delete(request))
    }
    for (const job of this.#jobs.values()) {
      const mayStick = !job.isOpen && this.#mayStick(job.request)
      if (mayStick) this.#turns.remove(job.request.uid, job) // it would block the next thread as well
      if (job === lost || job.isOpen || mayStick) this.#finish(job, undefined)
    }
    this.#next()
  }

  #finish(job: Job, digest: string | undefined): void {
    if (!this.#isWanted(job)) return
    const { uid } = job.request
    if (digest !== undefined && job.waiting.size === 0) this.#late.set(uid, this.lateOf(uid) + 1)
    for (const settle of job.waiting) settle(digest)
    this.#over(job)
  }

  #over(job: Job): void {
    const { uid } = job.request
    this.#jobs.delete(job.name)
    const others = (this.#ofUser.get(uid) ?? 1) - 1
    if (others > 0) this.#ofUser.set(uid, others)
    else this.#ofUser.delete(uid)
  }
}
