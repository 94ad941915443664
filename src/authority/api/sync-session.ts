import type { Clock } from '../../foundation/clock.ts'
import type { Watchable } from '../../foundation/watchable.ts'
import type { Bot } from '../../rpc/gen/signet/v1/Bot.ts'
import type { LockList } from '../../rpc/gen/signet/v1/LockList.ts'
import type { SyncResponse } from '../../rpc/gen/signet/v1/SyncResponse.ts'
import type { ActiveLock, LockSubject } from '../bots/locks.ts'
import { ConnectionExpiredError } from '../errors.ts'
import type { KeysInUse } from '../keys/keys-in-use.ts'
import type { BotView, BotViews, ViewChange } from '../resources/bot-view.ts'
import type { DefaultLives } from '../resources/compiler.ts'
import type { InstanceFacts } from '../resources/facts.ts'
import { bundleMessage, foreignBundlePages, identityPages, locksMessage } from './sync-message.ts'

interface SyncSubject extends InstanceFacts {
  /** When its certificate expires, in seconds since 1970. */
  readonly notAfter: number
  /** Whether its certificate is still in use and neither bot, instance nor join token is locked. */
  readonly mayStay: () => boolean
  /** Marks its certificate as used, which a locked agent's is not. @throws when it may not be used */
  readonly use: () => unknown
}

export interface SyncSessionDeps {
  readonly defaultLives: DefaultLives
  readonly views: BotViews
  readonly keys: Watchable<KeysInUse>
  readonly locks: Watchable<readonly ActiveLock[]>
  /** Changes whenever any instance does. */
  readonly instances: Watchable<number>
  readonly clock: Clock
  /** The clock by which certificates expire. */
  readonly judged: Clock
  readonly trustDomain: string
  /** The current join.* and bot.* attributes, as JSON. */
  readonly attributesJson: (instance: InstanceFacts) => string
  /** The bot's current roles, as JSON. */
  readonly rolesJson: (bot: string) => string
}

const NO_LOCKS: readonly ActiveLock[] = []

/** Agents use this to notice a dead connection: they hear something at least this often. */
const HEARTBEAT_MS = 20_000

/** Beyond this many changes a snapshot is just as cheap, and its messages stay small. */
const MAX_CHANGES = 10_000

/**
 * What one agent has not been sent yet (decision 0027). However slowly the agent reads, this holds at
 * most one entry per workload identity: its name. The newest state is looked up when it is sent.
 */
export class SyncSession implements Disposable {
  readonly #deps: SyncSessionDeps
  readonly #subject: SyncSubject
  readonly #view: BotView
  readonly #subscriptions = new DisposableStack()
  #names = new Set<string>()
  #snapshot = true
  #bot = false
  #bundle = false
  #locks = false
  /** The locks that concern this agent: as last sent, and as they are now. */
  #sentLocks = NO_LOCKS
  #currentLocks = NO_LOCKS
  #foreignBundles = false
  #heartbeat = false
  #standing = false
  #locked = false
  #wake: (() => void) | undefined

  constructor(deps: SyncSessionDeps, subject: SyncSubject) {
    this.#deps = deps
    this.#subject = subject
    const watched = this.#subscriptions.use(deps.views.watch(subject.bot, (change) => this.#changed(change)))
    this.#view = watched.view
    this.#subscriptions.use(deps.keys.subscribe(() => this.#note(() => (this.#bundle = true))))
    this.#subscriptions.use(deps.locks.subscribe(() => this.#lookAtLocks()))
    this.#subscriptions.use(deps.instances.subscribe(() => this.#note(() => (this.#standing = true))))
    this.#locked = this.#locks = this.#isLocked()
    this.#currentLocks = this.#lockList()
  }

  /** Yields messages until the signal aborts: first a snapshot, then changes. */
  async *messages(signal: AbortSignal): AsyncGenerator<SyncResponse> {
    const onAbort = (): void => this.#wake?.()
    signal.addEventListener('abort', onAbort)
    try {
      while (!signal.aborted) {
        if (this.#standing) this.#checkStanding()
        if (this.#locks && this.#isLocked() !== this.#locked) yield* this.#turnLock()
        else if (this.#locked) yield* this.#lockedMessages()
        else if (this.#snapshot) yield* this.#snapshotMessages()
        else if (this.#isDirty) yield* this.#changeMessages()
        else await this.#rest()
      }
    } finally {
      signal.removeEventListener('abort', onAbort)
    }
  }

  [Symbol.dispose](): void {
    this.#subscriptions.dispose()
    this.#wake?.()
  }

  get #isDirty(): boolean {
    return (
      this.#names.size > 0 ||
      this.#bot ||
      this.#bundle ||
      this.#locks ||
      this.#foreignBundles ||
      this.#heartbeat ||
      this.#standing
    )
  }

  async #rest(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#wake = resolve
    const beat = this.#deps.clock.schedule(HEARTBEAT_MS, () =>
      this.#note(() => (this.#heartbeat = this.#standing = true)),
    )
    await promise
    beat.cancel()
    this.#wake = undefined
  }

  /** Does not wake the agent for a lock that does not concern it, because that would disclose the lock. */
  #lookAtLocks(): void {
    this.#currentLocks = this.#lockList()
    const isSent = isSameList(this.#currentLocks, this.#sentLocks) && this.#isLocked() === this.#locked
    if (isSent) this.#locks = false
    else this.#note(() => (this.#locks = true))
  }

  #note(change: () => void): void {
    change()
    this.#wake?.()
  }

  #changed(change: ViewChange): void {
    // What the agent may use has changed, so other locks may concern it.
    if (this.#deps.locks.value.length > 0) this.#lookAtLocks()
    this.#note(() => {
      if (change.bot) this.#bot = true
      if (change.foreignBundles) this.#foreignBundles = true
      for (const entry of change.upserts) this.#names.add(entry.name)
      for (const name of change.removals) this.#names.add(name)
    })
  }

  #isLocked(): boolean {
    return this.#deps.locks.value.some(({ target }) => this.#isTarget(target))
  }

  /**
   * The locks on this agent or on an identity that it may use. A locked agent may use none, and its
   * caller may be a thief: it is sent only the locks on itself.
   */
  #lockList(): readonly ActiveLock[] {
    const own = this.#deps.locks.value.filter(({ target }) => this.#isTarget(target))
    if (own.length > 0) return own
    return this.#deps.locks.value.filter(({ target }) => {
      const { workloadIdentity, spiffeId } = target
      if (workloadIdentity !== undefined) return this.#view.get(workloadIdentity) !== undefined
      return spiffeId !== undefined && this.#view.mayGive(spiffeId)
    })
  }

  #takeLocks(): LockList {
    this.#sentLocks = this.#currentLocks
    return locksMessage(this.#sentLocks)
  }

  #isTarget(target: LockSubject): boolean {
    const { id, bot, joinToken } = this.#subject
    return target.bot === bot || target.botInstance === id || target.joinToken === joinToken
  }

  /**
   * Ends the stream when its certificate is not in use any more: after a renewal the agent has
   * another connection, and a deleted bot has none. A locked agent stays, to be told of the lock.
   */
  #checkStanding(): void {
    this.#standing = false
    if (this.#isLocked()) return
    if (this.#deps.judged.now().getTime() >= this.#subject.notAfter * 1000) {
      throw new ConnectionExpiredError('the bot certificate has expired')
    }
    if (!this.#subject.mayStay()) {
      throw new ConnectionExpiredError('this bot certificate is no longer in use')
    }
  }

  /**
   * When locked, the agent is sent the lock and nothing else until it is lifted. Then it starts again
   * with a snapshot.
   */
  *#turnLock(): Generator<SyncResponse> {
    this.#locked = !this.#locked
    this.#locks = false
    if (this.#locked) yield { locks: this.#takeLocks() }
    else {
      this.#checkStanding() // its certificate may have expired meanwhile
      this.#subject.use()
      this.#snapshot = true
    }
  }

  async *#lockedMessages(): AsyncGenerator<SyncResponse> {
    this.#names.clear()
    this.#bot = this.#bundle = this.#foreignBundles = false
    if (this.#locks || this.#heartbeat) {
      this.#locks = this.#heartbeat = false
      yield { locks: this.#takeLocks() }
    } else await this.#rest()
  }

  *#snapshotMessages(): Generator<SyncResponse> {
    const names = this.#view.names
    this.#names.clear()
    const [first, ...others] = foreignBundlePages(this.#view.foreignBundles)
    this.#snapshot = false
    this.#clearFlags()
    yield {
      snapshotBegin: true,
      trustDomain: this.#deps.trustDomain,
      bot: this.#botMessage(),
      bundle: bundleMessage(this.#deps.keys.value, this.#deps.defaultLives),
      locks: this.#takeLocks(),
      federatedBundles: first ?? {},
    }
    for (const federatedBundles of others) yield { federatedBundles }
    for (const upserts of identityPages(names, (name) => this.#view.get(name))) yield { upserts }
    yield { snapshotEnd: true }
  }

  *#changeMessages(): Generator<SyncResponse> {
    const names = [...this.#names]
    if (names.length > MAX_CHANGES) {
      yield* this.#snapshotMessages()
      return
    }
    const removals = names.filter((name) => this.#view.get(name) === undefined)
    const pages = [...identityPages(names, (name) => this.#view.get(name))]
    const first: SyncResponse = { removals, upserts: pages.shift() ?? [] }
    if (this.#bot) first.bot = this.#botMessage()
    if (this.#bundle) first.bundle = bundleMessage(this.#deps.keys.value, this.#deps.defaultLives)
    if (this.#locks) first.locks = this.#takeLocks()
    const bundles = this.#foreignBundles ? [...foreignBundlePages(this.#view.foreignBundles)] : []
    const [firstBundles, ...otherBundles] = bundles
    if (firstBundles) first.federatedBundles = firstBundles
    this.#names = new Set()
    this.#clearFlags()
    yield first
    for (const federatedBundles of otherBundles) yield { federatedBundles }
    for (const upserts of pages) yield { upserts }
  }

  /** Clears everything but the names. */
  #clearFlags(): void {
    this.#bot = this.#bundle = this.#locks = false
    this.#foreignBundles = this.#heartbeat = false
  }

  #botMessage(): Bot {
    const { id, bot } = this.#subject
    const { attributesJson, rolesJson } = this.#deps
    return {
      name: bot,
      instanceId: id,
      attributesJson: attributesJson(this.#subject),
      rolesJson: rolesJson(bot),
    }
  }
}

function isSameList(a: readonly ActiveLock[], b: readonly ActiveLock[]): boolean {
  return a.length === b.length && a.every((lock, index) => lock === b[index])
}
