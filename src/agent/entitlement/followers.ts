import type { Clock } from '../../foundation/clock.ts'
import { FairQueue } from '../../foundation/fair-queue.ts'
import type { IdentitySet } from './identity-set.ts'
import type { MessageKind } from './message.ts'
import type { Subject } from './subject.ts'

/** Pushing goes on for this long before calls get their turn. */
const TURN_MS = 4

/** An open stream, of whatever API, that is told what its caller may have. There may be ten thousand: no closure, no timer each. */
export abstract class Follower<S extends Subject = Subject> implements Disposable {
  readonly subject: S
  protected readonly followers: Followers

  constructor(subject: S, followers: Followers) {
    this.subject = subject
    this.followers = followers
  }

  /** What it follows of its set; only one of X.509-SVIDs keeps them renewed. */
  abstract readonly kind: MessageKind
  /** What the caller may have now, or a promise of it. @throws as Entitlements does */
  abstract entitled(): IdentitySet | Promise<IdentitySet>
  /** This is what the caller may have; asked anew at every change. */
  abstract deliver(set: IdentitySet): void
  /** The caller may have nothing now, or nobody knows what. */
  abstract refuse(error: unknown): void

  [Symbol.dispose](): void {
    this.followers.remove(this)
  }
}

/** All open streams. Each is looked at, its caller included, whenever what it may have could have changed. */
export class Followers {
  readonly #clock: Clock
  /** The set that each follows now. */
  readonly #open = new Map<Follower, IdentitySet | undefined>()
  /** Those on whose behalf the identities of their set are kept renewed. */
  readonly #holding = new Set<Follower>()
  readonly #bySet = new Map<IdentitySet, Set<Follower>>()
  readonly #due = new Set<Follower>()
  /** Those who are due, and some who were: the users have their turns one after another. */
  readonly #turns = new FairQueue<number, Follower>()
  #scheduled = false

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get size(): number {
    return this.#open.size
  }

  /** A caller that has a set's identities kept renewed, and is still the process that connected. */
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

  /** What the agent knows has changed: every stream is looked at. */
  refreshAll(): void {
    for (const follower of this.#open.keys()) this.#noteDue(follower)
    this.#schedule()
  }

  /** A set has something to say to its streams of one kind. */
  refreshWith(set: IdentitySet, kind: MessageKind): void {
    for (const follower of this.#bySet.get(set) ?? []) if (follower.kind === kind) this.#noteDue(follower)
    this.#schedule()
  }

  /** Looks at one stream now. */
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
          // Of very many callers that were waited for at once, the sets of the last push out those of the first.
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

  /** Follows this set from now on, and no other. */
  attach(follower: Follower, set: IdentitySet): void {
    if (!this.#open.has(follower)) return
    const holds = follower.kind === 'x509_svid'
    if (this.#open.get(follower) === set && this.#holding.has(follower) === holds) return
    // The new one first: what both have in common is held all the time.
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
      follower.refuse(error) // whatever went wrong with this stream, the others are to be told as well
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
