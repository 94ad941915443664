import type { Clock } from '../../foundation/clock.ts'
import { FairQueue } from '../../foundation/fair-queue.ts'
import type { IdentitySet } from './identity-set.ts'
import type { MessageKind } from './message.ts'
import type { Subject } from './subject.ts'

/** How long to push to streams before yielding to calls. */
const TURN_MS = 4

/**
 * An open stream of any API that follows the identities of its caller. There may be ten thousand,
 * so none has a closure or timer of its own.
 */
export abstract class Follower<S extends Subject = Subject> implements Disposable {
  readonly subject: S
  protected readonly followers: Followers

  constructor(subject: S, followers: Followers) {
    this.subject = subject
    this.followers = followers
  }

  /** The kind of message that it follows. Only X.509-SVID streams keep the identities renewed. */
  abstract readonly kind: MessageKind
  /** The caller's current identity set. @throws as {@link Entitlements.of} does */
  abstract entitled(): IdentitySet | Promise<IdentitySet>
  /** Sends the caller's current identity set; called again at every change. */
  abstract deliver(set: IdentitySet): void
  /** Called if the caller may have no identity now, or if that cannot be decided. */
  abstract refuse(error: unknown): void

  [Symbol.dispose](): void {
    this.followers.remove(this)
  }
}

/**
 * All open streams. Whenever the identities of its caller may have changed, a stream is checked and
 * its caller attested again.
 */
export class Followers {
  readonly #clock: Clock
  /** Each stream and the set that it follows now. */
  readonly #open = new Map<Follower, IdentitySet | undefined>()
  /** The streams that keep the identities of their set renewed. */
  readonly #holding = new Set<Follower>()
  readonly #bySet = new Map<IdentitySet, Set<Follower>>()
  readonly #due = new Set<Follower>()
  /** The streams that are due, and some that no longer are. Users take turns. */
  readonly #turns = new FairQueue<number, Follower>()
  #scheduled = false

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get size(): number {
    return this.#open.size
  }

  /** A caller that keeps a set's identities renewed and is still the process that connected. */
  livingHolder(set: IdentitySet): Subject | undefined {
    for (const follower of this.#bySet.get(set) ?? []) {
      const { subject } = follower
      if (this.#holding.has(follower) && subject.changedSinceAccept() === undefined) return subject
    }
    return undefined
  }

  has(follower: Follower): boolean {
    return this.#open.has(follower)
  }

  add(follower: Follower): void {
    this.#open.set(follower, undefined)
  }

  remove(follower: Follower): void {
    if (!this.#open.has(follower)) return
    this.detach(follower)
    this.#open.delete(follower)
    this.#due.delete(follower)
  }

  /** The agent's knowledge has changed: checks every stream. */
  refreshAll(): void {
    for (const follower of this.#open.keys()) this.#noteDue(follower)
    this.#schedule()
  }

  /** A set has a new message for its streams of one kind. */
  refreshWith(set: IdentitySet, kind: MessageKind): void {
    for (const follower of this.#bySet.get(set) ?? []) if (follower.kind === kind) this.#noteDue(follower)
    this.#schedule()
  }

  /** Checks one stream now. */
  refresh(follower: Follower): void {
    let set: IdentitySet | Promise<IdentitySet>
    try {
      set = follower.entitled()
    } catch (error) {
      follower.refuse(error)
      return
    }
    if (set instanceof Promise) {
      set.then(
        (settled) => {
          if (!this.#open.has(follower)) return
          // If very many callers were awaited together, the sets of later ones may evict those of
          // earlier ones.
          if (settled.isForgotten) this.refresh(follower)
          else this.#deliver(follower, settled)
        },
        (error: unknown) => {
          if (this.#open.has(follower)) follower.refuse(error)
        },
      )
    } else {
      this.#deliver(follower, set)
    }
  }

  /** Makes the stream follow this set instead of its former one. */
  attach(follower: Follower, set: IdentitySet): void {
    if (!this.#open.has(follower)) return
    const holds = follower.kind === 'x509_svid'
    if (this.#open.get(follower) === set && this.#holding.has(follower) === holds) return
    // The new set first, so that identities in both sets are held throughout.
    if (holds) set.attach(follower.subject)
    this.detach(follower)
    this.#open.set(follower, set)
    if (holds) this.#holding.add(follower)
    const others = this.#bySet.get(set)
    if (others) others.add(follower)
    else this.#bySet.set(set, new Set([follower]))
  }

  detach(follower: Follower): void {
    const set = this.#open.get(follower)
    if (set === undefined) return
    this.#open.set(follower, undefined)
    const others = this.#bySet.get(set)
    others?.delete(follower)
    if (others?.size === 0) this.#bySet.delete(set)
    if (this.#holding.delete(follower)) set.detach(follower.subject)
  }

  #deliver(follower: Follower, set: IdentitySet): void {
    if (!this.#open.has(follower)) return
    this.attach(follower, set)
    try {
      follower.deliver(set)
    } catch (error) {
      follower.refuse(error) // a failure of this stream must not affect the others
    }
  }

  #noteDue(follower: Follower): void {
    if (this.#due.has(follower)) return
    this.#due.add(follower)
    this.#turns.push(follower.subject.credentials.uid, follower)
  }

  #schedule(): void {
    if (this.#scheduled || this.#turns.size === 0) return
    this.#scheduled = true
    setImmediate(() => {
      this.#scheduled = false
      this.#work()
    })
  }

  #work(): void {
    const untilMs = this.#clock.monotonicMs() + TURN_MS
    for (let next = this.#turns.take(); next !== undefined; next = this.#turns.take()) {
      if (this.#due.delete(next.item)) this.refresh(next.item)
      if (this.#clock.monotonicMs() >= untilMs) break
    }
    this.#schedule()
  }
}
