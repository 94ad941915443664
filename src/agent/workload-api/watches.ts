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

interface WatchesDeps {
  readonly knowledge: KnowledgeSource
  readonly entitled: Entitled
  /** Like `entitled`, for bundles. */
  readonly entitledToBundles: Entitled
  readonly followers: Followers
  readonly deliveries: Deliveries
  readonly clock: Clock
  /** Called when the agent ends a stream, with the reason. */
  readonly onEnd: (peer: Peer, error: unknown) => void
}

/** An open stream of the Workload API. To save memory it has no closure, generator or signal. */
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
 * The streams of the Workload API. Each gets a full snapshot immediately, and another whenever its
 * content has changed. Before each message the caller is attested again.
 */
export class Watches {
  readonly #deps: WatchesDeps

  constructor(deps: WatchesDeps) {
    this.#deps = deps
  }

  /** Serves a new stream. Disposing the result ends it on this side. */
  open(kind: MessageKind, peer: Peer, sink: StreamSink): Disposable {
    const { followers } = this.#deps
    const watch = new Watch(kind, peer, sink, this.#deps)
    followers.add(watch)
    followers.refresh(watch)
    return watch
  }
}

/**
 * Whether a stream may stay open despite an error. An unreachable authority withdraws nothing: the
 * stream stays open while its last message is valid and none of its identities was withdrawn.
 */
function isStillGood(sent: Message | undefined, set: IdentitySet, nowMs: number, error: unknown): boolean {
  if (sent === undefined || nowMs >= sent.validUntilMs) return false
  if (!(error instanceof CodedError) || error.kind === 'permission_denied') return false
  return sent.spiffeIds.every((id) => set.grants.some(({ spiffeId }) => spiffeId === id))
}
