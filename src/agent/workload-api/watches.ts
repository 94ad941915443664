import type { Clock } from '../../foundation/clock.ts'
import { CodedError } from '../../foundation/errors.ts'
import type { Peer } from '../../peer/peer.ts'
import type { StreamSink } from '../../rpc/handlers.ts'
import type { Deliveries } from '../entitlement/deliveries.ts'
import type { Entitled } from '../entitlement/entitlements.ts'
import { Follower, type Followers } from '../entitlement/followers.ts'
import type { IdentitySet } from '../entitlement/identity-set.ts'
import { isSameMessage, type Message, type MessageKind } from '../entitlement/message.ts'
import type { KnowledgeSource } from '../sync/knowledge.ts'

export interface WatchesDeps {
  readonly knowledge: KnowledgeSource
  readonly entitled: Entitled
  /** The same for bundles. */
  readonly entitledToBundles: Entitled
  readonly followers: Followers
  readonly deliveries: Deliveries
  readonly clock: Clock
  /** A stream is ended by this side, and why. */
  readonly onEnd: (peer: Peer, error: unknown) => void
}

/** One open stream of the Workload API. It holds no closure, no generator, no signal. */
class Watch extends Follower<Peer> {
  readonly kind: MessageKind
  readonly #sink: StreamSink
  readonly #deps: WatchesDeps
  #sent: Message | undefined

  constructor(kind: MessageKind, peer: Peer, sink: StreamSink, deps: WatchesDeps) {
    super(peer, deps.followers)
    this.kind = kind
    this.#sink = sink
    this.#deps = deps
  }

  override entitled(): IdentitySet | Promise<IdentitySet> {
    const { entitled, entitledToBundles } = this.#deps
    return this.kind === 'x509_svid' ? entitled(this.subject) : entitledToBundles(this.subject)
  }

  override deliver(set: IdentitySet): void {
    const { knowledge, clock, deliveries } = this.#deps
    const known = knowledge.value
    if (this.#sink.ended || known === undefined) return
    const nowMs = clock.now().getTime()
    let message: Message | undefined
    try {
      message = set.message(this.kind, known, nowMs, this.subject)
    } catch (error) {
      if (!isStillGood(this.#sent, set, nowMs, error)) this.refuse(error)
      return
    }
    if (message === undefined || (this.#sent && isSameMessage(message, this.#sent))) return
    this.#sent = message
    this.#sink.send(message.bytes)
    if (message.delivered) deliveries.count(this.subject, message.delivered, nowMs)
  }

  override refuse(error: unknown): void {
    if (!this.followers.has(this)) return
    this.followers.remove(this)
    this.#deps.onEnd(this.subject, error)
    this.#sink.end(error)
  }
}

/**
 * The streams of the Workload API. Each gets a whole snapshot at once and another whenever what it may have has changed; before each message
 * its caller is looked at again.
 */
export class Watches {
  readonly #deps: WatchesDeps

  constructor(deps: WatchesDeps) {
    this.#deps = deps
  }

  /** Serves a new stream; what is returned ends it on this side. */
  open(kind: MessageKind, peer: Peer, sink: StreamSink): Disposable {
    const { followers } = this.#deps
    const watch = new Watch(kind, peer, sink, this.#deps)
    followers.add(watch)
    followers.refresh(watch)
    return watch
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
