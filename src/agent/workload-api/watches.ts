import type { Clock } from '../../foundation/clock.ts'
import { CodedError } from '../../foundation/errors.ts'
import type { Peer } from '../../peer/peer.ts'
import type { StreamSink } from '../../rpc/handlers.ts'
import type { KnowledgeSource } from '../knowledge.ts'
import type { Deliveries } from './deliveries.ts'
import type { IdentitySet } from './identity-set.ts'
import { isSameMessage, type Message, type MessageKind } from './message.ts'

/** Pushing goes on for this long before calls get their turn. */
const TURN_MS = 4

/** One open stream. There may be ten thousand: it holds no closure, no generator, no signal. */
class Watch implements Disposable {
  readonly kind: MessageKind
  readonly peer: Peer
  readonly sink: StreamSink
  readonly #watches: Watches
  set: IdentitySet | undefined
  sent: Message | undefined

  constructor(kind: MessageKind, peer: Peer, sink: StreamSink, watches: Watches) {
    this.kind = kind
    this.peer = peer
    this.sink = sink
    this.#watches = watches
  }

  [Symbol.dispose](): void {
    this.#watches.remove(this)
  }
}

export interface WatchesDeps {
  readonly knowledge: KnowledgeSource
  readonly entitled: (peer: Peer) => IdentitySet | Promise<IdentitySet>
  readonly deliveries: Deliveries
  readonly clock: Clock
  /** A stream is ended by this side, and why. */
  readonly onEnd: (peer: Peer, error: unknown) => void
}

/**
 * All open streams. Each gets a whole snapshot at once and another whenever what it may have has changed; before each message
 * its caller is looked at again.
 */
export class Watches {
  readonly #deps: WatchesDeps
  readonly #open = new Set<Watch>()
  readonly #bySet = new Map<IdentitySet, Set<Watch>>()
  readonly #due = new Set<Watch>()
  #scheduled = false

  constructor(deps: WatchesDeps) {
    this.#deps = deps
  }

  get size(): number {
    return this.#open.size
  }

  /** Serves a new stream; what is returned ends it on this side. */
  open(kind: MessageKind, peer: Peer, sink: StreamSink): Disposable {
    const watch = new Watch(kind, peer, sink, this)
    this.#open.add(watch)
    this.#refresh(watch)
    return watch
  }

  /** What the agent knows has changed: every stream is looked at. */
  refreshAll(): void {
    for (const watch of this.#open) this.#due.add(watch)
    this.#schedule()
  }

  /** A set has something to say to its streams of one kind. */
  refresh(set: IdentitySet, kind: MessageKind): void {
    for (const watch of this.#bySet.get(set) ?? []) if (watch.kind === kind) this.#due.add(watch)
    this.#schedule()
  }

  remove(watch: Watch): void {
    if (!this.#open.delete(watch)) return
    this.#due.delete(watch)
    this.#leave(watch)
  }

  #schedule(): void {
    if (this.#scheduled || this.#due.size === 0) return
    this.#scheduled = true
    setImmediate(() => {
      this.#scheduled = false
      this.#work()
    })
  }

  #work(): void {
    const { clock } = this.#deps
    const untilMs = clock.monotonicMs() + TURN_MS
    for (const watch of this.#due) {
      this.#due.delete(watch)
      this.#refresh(watch)
      if (clock.monotonicMs() >= untilMs) break
    }
    this.#schedule()
  }

  #refresh(watch: Watch): void {
    let set: IdentitySet | Promise<IdentitySet>
    try {
      set = this.#deps.entitled(watch.peer)
    } catch (error) {
      this.#end(watch, error)
      return
    }
    if (set instanceof Promise) {
      set.then(
        (settled) => this.#deliver(watch, settled),
        (error: unknown) => this.#end(watch, error),
      )
    } else {
      this.#deliver(watch, set)
    }
  }

  #deliver(watch: Watch, set: IdentitySet): void {
    const { knowledge, clock, deliveries } = this.#deps
    const known = knowledge.value
    if (!this.#open.has(watch) || watch.sink.ended || known === undefined) return
    this.#join(watch, set)
    const nowMs = clock.now().getTime()
    let message: Message | undefined
    try {
      message = set.message(watch.kind, known, nowMs)
    } catch (error) {
      if (!isStillGood(watch.sent, set, nowMs, error)) this.#end(watch, error)
      return
    }
    if (message === undefined || (watch.sent && isSameMessage(message, watch.sent))) return
    watch.sent = message
    watch.sink.send(message.bytes)
    const { delivered, spiffeIds } = message
    if (delivered) deliveries.count(message, { kind: delivered.kind, spiffeIds, of: delivered.of })
  }

  #join(watch: Watch, set: IdentitySet): void {
    if (watch.set === set) return
    const others = this.#bySet.get(set)
    if (others) others.add(watch)
    else this.#bySet.set(set, new Set([watch]))
    if (watch.kind === 'x509_svid') set.join()
    this.#leave(watch)
    watch.set = set
  }

  #leave(watch: Watch): void {
    const { set } = watch
    if (set === undefined) return
    watch.set = undefined
    const others = this.#bySet.get(set)
    others?.delete(watch)
    if (others?.size === 0) this.#bySet.delete(set)
    if (watch.kind === 'x509_svid') set.leave()
  }

  #end(watch: Watch, error: unknown): void {
    if (!this.#open.has(watch)) return
    this.remove(watch)
    this.#deps.onEnd(watch.peer, error)
    watch.sink.end(error)
  }
}

/**
 * An authority that cannot be reached takes nothing away: a stream stays open as long as what it was given last is valid and
 * none of it has been withdrawn since.
 */
function isStillGood(sent: Message | undefined, set: IdentitySet, nowMs: number, error: unknown): boolean {
  if (sent === undefined || nowMs >= sent.validUntilMs) return false
  if (!(error instanceof CodedError) || error.kind === 'permission_denied') return false
  return sent.spiffeIds.every((id) => set.grants.some(({ spiffeId }) => spiffeId === id))
}
