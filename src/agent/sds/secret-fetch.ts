import type { Clock, Scheduled } from '../../foundation/clock.ts'
import type { Peer } from '../../peer/peer.ts'
import type { DiscoveryRequest__Output } from '../../rpc/gen/envoy/service/discovery/v3/DiscoveryRequest.ts'
import { NoIdentityError, NotSyncedError, SvidUnavailableError } from '../entitlement/errors.ts'
import { Follower } from '../entitlement/followers.ts'
import type { IdentitySet } from '../entitlement/identity-set.ts'
import type { MessageKind } from '../entitlement/message.ts'
import { wantsPlainCa } from './node.ts'
import { type FoundSecret, Offer } from './offer.ts'
import { checkTypeUrl } from './secret-request.ts'
import type { SecretStreamDeps } from './secret-stream.ts'
import { kindOf, type Subscription } from './subscription.ts'

/** How long a response waits for secrets that are still being issued. */
const WAIT_FOR_ALL_MS = 5_000

export interface SecretFetchDeps extends SecretStreamDeps {
  readonly clock: Clock
}

/** FetchSecrets: a subscription that ends after one response. */
export class SecretFetch extends Follower<Peer> {
  readonly #deps: SecretFetchDeps
  readonly #subscription: Subscription<DiscoveryRequest__Output>
  readonly #isPlain: boolean
  readonly #answer = Promise.withResolvers<Buffer>()
  readonly #deadline: Scheduled
  #isLate = false

  constructor(
    peer: Peer,
    request: DiscoveryRequest__Output,
    deps: SecretFetchDeps,
    subscription: Subscription<DiscoveryRequest__Output>,
  ) {
    super(peer, deps.callers.followers)
    checkTypeUrl(request.typeUrl)
    this.#deps = deps
    this.#subscription = subscription
    this.#isPlain = wantsPlainCa(request.node)
    subscription.hear(request)
    this.#deadline = deps.clock.schedule(WAIT_FOR_ALL_MS, () => {
      this.#isLate = true
      this.followers.refresh(this)
    })
  }

  /** @throws NoIdentityError, SvidUnavailableError, NotSyncedError, and what attestation throws */
  run(): Promise<Buffer> {
    this.followers.add(this)
    this.followers.refresh(this)
    return this.#answer.promise
  }

  override get kind(): MessageKind {
    return kindOf(this.#subscription, this.#deps.names)
  }

  override entitled(): IdentitySet | Promise<IdentitySet> {
    return this.#deps.callers.entitledToBundles(this.subject)
  }

  override deliver(set: IdentitySet): void {
    const knowledge = this.#deps.knowledge.value
    if (knowledge === undefined) {
      this.refuse(new NotSyncedError())
      return
    }
    const { names, isWildcard } = this.#subscription
    const workload = this.#deps.callers.workloadOf(this.subject)
    const { uid } = this.subject.credentials
    const offered = { set, workload, uid, refused: undefined, knowledge, plain: this.#isPlain }
    const found = withoutClosed(new Offer(this.#deps, offered).find(names, isWildcard))
    if (found.pending.length > 0 && !this.#isLate) return
    if (found.absent.length > 0) this.#deps.notes.leftOut(this.subject, found.absent)
    const response = this.#subscription.next(found)
    if (response === undefined) {
      const isPending = found.pending.length > 0
      this.refuse(isPending ? new SvidUnavailableError() : new NoIdentityError('not_entitled'))
      return
    }
    this.#over()
    this.#deps.notes.sent(this.subject, 'fetch', response)
    this.#answer.resolve(response.bytes)
  }

  override refuse(error: unknown): void {
    this.#over()
    this.#answer.reject(error)
  }

  #over(): void {
    this.#deadline.cancel()
    this.followers.remove(this)
  }
}

/** A single fetch has no earlier bundle to replace, so bundles that trust nobody become absences. */
function withoutClosed({ secrets, closed, absent, pending }: FoundSecret): FoundSecret {
  const names = new Set(closed.map(({ name }) => name))
  return {
    secrets: secrets.filter(({ name }) => !names.has(name)),
    closed: [],
    absent: [...absent, ...closed],
    pending,
  }
}
