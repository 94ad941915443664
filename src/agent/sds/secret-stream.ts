import type { Peer } from '../../peer/peer.ts'
import { CallEndingError } from '../../rpc/errors.ts'
import type { DuplexListener, DuplexSink } from '../../rpc/handlers.ts'
import type { Callers } from '../entitlement/callers.ts'
import { NoIdentityError, type NoIdentityReason, NotSyncedError } from '../entitlement/errors.ts'
import { Follower } from '../entitlement/followers.ts'
import type { IdentitySet } from '../entitlement/identity-set.ts'
import type { MessageKind } from '../entitlement/message.ts'
import type { KnowledgeSource } from '../sync/knowledge.ts'
import { wantsPlainCa } from './node.ts'
import { type Absence, Offer, type OfferDeps } from './offer.ts'
import type { SecretNotes } from './secret-notes.ts'
import { checkTypeUrl, type SecretRequest } from './secret-request.ts'
import { kindOf, type Subscription } from './subscription.ts'

export interface SecretStreamDeps extends OfferDeps {
  readonly callers: Pick<Callers, 'followers' | 'entitledToBundles' | 'workloadOf' | 'refusals'>
  readonly knowledge: KnowledgeSource
  readonly notes: SecretNotes
}

/**
 * An open stream of secrets. Envoy keeps it for its whole life, so the loss of an identity does not
 * end it: the client gets nothing until the identity is granted again. It ends only if the caller's
 * process changes.
 */
export class SecretStream<Req extends SecretRequest> extends Follower<Peer> implements DuplexListener<Req> {
  readonly #method: string
  readonly #sink: DuplexSink
  readonly #deps: SecretStreamDeps
  readonly #subscription: Subscription<Req>
  #isPlain: boolean | undefined
  /** A change came while a message was being written: to be checked again. */
  #isDue = false
  #isAnswered = false
  #isHalfClosed = false
  #refused: NoIdentityReason | undefined
  /** The names that were left out last; they were logged. */
  #leftOut: ReadonlySet<string> | undefined

  constructor(
    method: string,
    peer: Peer,
    sink: DuplexSink,
    deps: SecretStreamDeps,
    subscription: Subscription<Req>,
  ) {
    super(peer, deps.callers.followers)
    this.#method = method
    this.#sink = sink
    this.#deps = deps
    this.#subscription = subscription
    this.followers.add(this)
  }

  override get kind(): MessageKind {
    return kindOf(this.#subscription, this.#deps.names)
  }

  override entitled(): IdentitySet | Promise<IdentitySet> {
    return this.#deps.callers.entitledToBundles(this.subject)
  }

  onRequest(request: Req): void {
    checkTypeUrl(request.typeUrl)
    // Envoy may send its node description only in the first request.
    this.#isPlain ??= wantsPlainCa(request.node)
    if (request.errorDetail !== null) {
      this.#deps.notes.rejected(this.subject, this.#method, this.#subscription.names, request.errorDetail)
    }
    if (!this.#subscription.hear(request)) return
    this.#sink.keeps(this.#subscription.keptBytes)
    this.followers.refresh(this)
  }

  onWritable(): void {
    if (this.#isDue) this.followers.refresh(this)
    else if (this.#isHalfClosed) this.#close()
  }

  onHalfClose(): void {
    this.#isHalfClosed = true
    if (this.#sink.busy) return
    if (this.#isAnswered) this.#close()
    else this.followers.refresh(this) // pending secrets are worth waiting for, absent ones are not
  }

  override deliver(set: IdentitySet): void {
    this.#refused = undefined
    this.#offer(set, undefined)
  }

  override refuse(error: unknown): void {
    if (error instanceof NoIdentityError) {
      if (this.#refused !== error.reason) this.#deps.callers.refusals.note(this.subject, error)
      this.#refused = error.reason
      this.followers.detach(this)
      this.#offer(undefined, error.reason)
    } else if (error instanceof NotSyncedError) {
      this.followers.detach(this) // after the first sync every stream is checked again
    } else {
      this.followers.remove(this)
      this.#deps.callers.refusals.note(this.subject, error)
      this.#sink.end(error)
    }
  }

  #offer(set: IdentitySet | undefined, refused: NoIdentityReason | undefined): void {
    const knowledge = this.#deps.knowledge.value
    if (this.#sink.ended || knowledge === undefined) return
    this.#isDue = this.#sink.busy
    if (this.#isDue) return
    const { names, isWildcard } = this.#subscription
    const plain = this.#isPlain === true
    const workload = this.#deps.callers.workloadOf(this.subject)
    const { uid } = this.subject.credentials
    const offer = new Offer(this.#deps, { set, workload, uid, refused, knowledge, plain })
    const found = offer.find(names, isWildcard)
    this.#note([...found.closed, ...found.absent])
    const response = this.#subscription.next(found)
    if (response !== undefined) {
      this.#isAnswered = true
      this.#sink.send(response.bytes)
      this.#deps.notes.sent(this.subject, this.#method, response)
    } else if (this.#isHalfClosed && found.pending.length === 0) this.#close()
  }

  #note(absent: readonly Absence[]): void {
    if (absent.length === 0) {
      this.#leftOut = undefined
      return
    }
    const fresh = absent.filter(({ name }) => this.#leftOut?.has(name) !== true)
    this.#leftOut = new Set(absent.map(({ name }) => name))
    if (fresh.length > 0) this.#deps.notes.leftOut(this.subject, fresh)
  }

  #close(): void {
    this.#sink.end(new CallEndingError('the client has closed its side'))
  }
}
