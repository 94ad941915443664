import type { Clock, Scheduled } from '../../foundation/clock.ts'
import { FairQueue } from '../../foundation/fair-queue.ts'
import { SharedLru } from '../../foundation/shared-lru.ts'
import { DigestThread } from './digest-thread.ts'
import type { Sliced } from './digest-worker.ts'

const CACHE_SIZE = 1_024
/** Files of one user that wait or are read: those of further callers have no digest. */
const MAX_OF_USER = 64

/** Which file is meant: another one may lie at the path by the time it is opened. */
export interface FileIdentity {
  readonly device: bigint
  readonly inode: bigint
}

/** For whom, and which file. */
export interface DigestRequest extends FileIdentity {
  readonly uid: number
  /** A link to the file itself, such as /proc/PID/exe. */
  readonly path: string
}

export interface FileDigestsOptions {
  readonly maxBytes: number
  readonly timeoutMs: number
  /** What names the content of a file: device, inode, size, mtime, ctime. Asked without waiting for a dead mount; undefined when it is not known. */
  readonly stampOf: (path: string) => string | undefined
}

/** A file that waits for its turns, and who waits for its digest. */
interface Job {
  readonly id: number
  readonly request: DigestRequest
  readonly name: string
  /** The links of all who asked: a process may be gone before its turn. */
  readonly paths: string[]
  readonly waiting: Set<(digest: string | undefined) => void>
  isOpen: boolean
  key: string | undefined
}

/**
 * SHA-256 of executables by what names their content, made in a thread of their own. Known ones cost a look; those to be made have their
 * turns, a slice of a file of each user after another, so that whoever runs large or ever-changing files waits for himself.
 */
export class FileDigests implements Disposable {
  readonly #clock: Clock
  readonly #options: FileDigestsOptions
  readonly #cache = new SharedLru<number, string>(CACHE_SIZE)
  /** By user and content: the callers of one file wait for one reading. */
  readonly #jobs = new Map<string, Job>()
  readonly #turns = new FairQueue<number, Job>()
  readonly #ofUser = new Map<number, number>()
  readonly #late = new Map<number, number>()
  /** Files from which a thread has not come back. */
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

  /** Grows when a digest is there that was given up as too slow before: a user who went without it may ask again. */
  lateOf(uid: number): number {
    return this.#late.get(uid) ?? 0
  }

  /** The digest, if it was made before. */
  known({ uid, path, device, inode }: DigestRequest): string | undefined {
    const stamp = this.#options.stampOf(path)
    if (stamp === undefined || !stamp.startsWith(`${device}:${inode}:`)) return undefined
    return this.#cache.get(stamp, uid)
  }

  /** Undefined when another file is found, it is too large, unreadable, changes while it is read, or takes too long. */
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

  /** The same file again, or another of the user whose file it is: he shall not take the threads that there are from all others. */
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
    if (known !== undefined) this.#finish(job, known) // made for another user meanwhile
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
      // Another file than the process was executed from, or one that is too large: told to let go of it at its next turn.
      if (!key.startsWith(`${device}:${inode}:`) || size > this.#options.maxBytes)
        this.#finish(job, undefined)
    } else if (digest !== undefined || (failed === true && (job.isOpen || job.paths.length === 0))) {
      this.#finish(job, digest)
      return
    }
    this.#turns.putBack(uid, job) // one after another of a user, so that few files are open
  }

  /** The thread did not come back from a file, and was given up with all that it had open. */
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
      if (mayStick) this.#turns.remove(job.request.uid, job) // it would take the next thread as well
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
