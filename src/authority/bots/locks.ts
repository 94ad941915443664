import type { Clock, Scheduled } from '../../foundation/clock.ts'
import { Watchable } from '../../foundation/watchable.ts'
import type { ResourceRepository, StoredResource } from '../datastore/resource-repository.ts'

/** What a lock can target, and what is checked against the locks. */
export interface LockSubject {
  readonly bot?: string | undefined
  readonly botInstance?: string | undefined
  readonly joinToken?: string | undefined
  readonly workloadIdentity?: string | undefined
  readonly spiffeId?: string | undefined
}

export interface ActiveLock {
  readonly name: string
  /** Has exactly one member. */
  readonly target: LockSubject
  readonly reason: string
  readonly expiresMs: number | undefined
}

/** Maps the members of a lock resource's `spec.target`. */
const TARGETS = {
  bot: 'bot',
  bot_instance: 'botInstance',
  join_token: 'joinToken',
  workload_identity: 'workloadIdentity',
  spiffe_id: 'spiffeId',
} as const satisfies Record<string, keyof LockSubject>

const SUBJECTS = Object.values(TARGETS)

/**
 * How soon expired locks are looked at again: one is in force again when a clock that was ahead is
 * corrected.
 */
const LOOK_AGAIN_MS = 60_000

/** The locks in force. A lock acts from the moment it is durable until it is deleted or expires. */
export class Locks implements Disposable {
  readonly watch: Watchable<readonly ActiveLock[]>
  readonly #clock: Clock
  readonly #subscription: Disposable
  readonly #stored = new Map<string, ActiveLock>()
  #byTarget = new Map<string, ActiveLock>()
  #timer: Scheduled | undefined

  private constructor(stored: readonly StoredResource[], resources: ResourceRepository, clock: Clock) {
    this.#clock = clock
    this.watch = new Watchable<readonly ActiveLock[]>([])
    for (const resource of stored) this.#stored.set(resource.name, toLock(resource))
    this.#refresh()
    this.#subscription = resources.subscribe((changes) => {
      const locks = changes.filter(({ kind }) => kind === 'lock')
      if (locks.length === 0) return
      for (const { name, after } of locks) {
        if (after) this.#stored.set(name, toLock(after))
        else this.#stored.delete(name)
      }
      this.#refresh()
    })
  }

  static async open(resources: ResourceRepository, clock: Clock): Promise<Locks> {
    return new Locks(await resources.list('lock'), resources, clock)
  }

  /**
   * Returns a lock on anything that the subject names. It is cheap, because every call and every SVID
   * is checked.
   */
  check(subject: LockSubject): ActiveLock | undefined {
    if (this.#byTarget.size === 0) return undefined
    const nowMs = this.#clock.now().getTime()
    for (const kind of SUBJECTS) {
      const value = subject[kind]
      const lock = value === undefined ? undefined : this.#byTarget.get(`${kind} ${value}`)
      if (lock && (lock.expiresMs === undefined || lock.expiresMs > nowMs)) return lock
    }
    return undefined
  }

  [Symbol.dispose](): void {
    this.#subscription[Symbol.dispose]()
    this.#timer?.cancel()
  }

  #refresh(): void {
    const nowMs = this.#clock.now().getTime()
    const active = [...this.#stored.values()].filter(
      ({ expiresMs }) => expiresMs === undefined || expiresMs > nowMs,
    )
    this.#byTarget = new Map()
    // Includes expired locks, because `check` compares with the time of the call.
    for (const lock of this.#stored.values()) {
      for (const kind of SUBJECTS) {
        const value = lock.target[kind]
        // Of two locks on the same thing, the one that lasts longer counts.
        if (value !== undefined && outlasts(lock, this.#byTarget.get(`${kind} ${value}`))) {
          this.#byTarget.set(`${kind} ${value}`, lock)
        }
      }
    }
    const before = this.watch.value
    const isSame = active.length === before.length && active.every((lock, at) => lock === before[at])
    if (!isSame) this.watch.set(active)
    this.#timer?.cancel()
    const waits = active.flatMap(({ expiresMs }) => (expiresMs === undefined ? [] : [expiresMs - nowMs]))
    if (active.length < this.#stored.size) waits.push(LOOK_AGAIN_MS)
    if (waits.length === 0) return
    this.#timer = this.#clock.schedule(Math.max(1, Math.min(...waits)), () => this.#refresh())
  }
}

function outlasts(a: ActiveLock, b: ActiveLock | undefined): boolean {
  if (!b) return true
  return (a.expiresMs ?? Infinity) > (b.expiresMs ?? Infinity)
}

function toLock({ name, metadata, spec }: StoredResource): ActiveLock {
  const { target = {}, reason = '' } = spec as { target?: Record<string, string>; reason?: string }
  const entries = Object.entries(TARGETS).flatMap(([key, kind]) => {
    const value = target[key]
    return value === undefined ? [] : [[kind, value] as const]
  })
  return { name, target: Object.fromEntries(entries), reason, expiresMs: metadata.expiresMs }
}
