import type { Clock } from '../../foundation/clock.ts'
import type { Logger } from '../../foundation/logger.ts'
import type { Metrics } from '../../foundation/metrics.ts'
import type { Peer } from '../../peer/peer.ts'
import type { Attributes } from '../../policy/attributes.ts'
import type { Attestation } from '../attestation/attest.ts'
import type { DeliveryReporter } from '../report/delivery-reporter.ts'
import type { SvidCache } from '../svid-cache/svid-cache.ts'
import type { KnowledgeSource } from '../sync/knowledge.ts'
import { Deliveries } from './deliveries.ts'
import { type Entitled, Entitlements } from './entitlements.ts'
import { Followers } from './followers.ts'
import type { IdentitySetDeps } from './identity-set.ts'
import { IdentitySets } from './identity-sets.ts'
import { LeftOut } from './left-out.ts'
import type { Encoders } from './message.ts'
import { RefusedCallers } from './refused-callers.ts'
import type { Subject } from './subject.ts'

export interface CallersDeps {
  readonly knowledge: KnowledgeSource
  readonly attestation: Pick<Attestation, 'attest' | 'known'>
  readonly svids: SvidCache
  readonly encode: Encoders
  readonly reporter: DeliveryReporter
  readonly maxIdentitiesPerCaller: number
  /** Callers without an identity may have the bundle of the agent's own trust domain. */
  readonly allowUnauthenticatedVerifiers: boolean
  /** Ends every open call of a caller. */
  readonly endCalls: (peer: Peer, error: unknown) => void
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: Metrics
}

/**
 * What the APIs on the socket share: the identities of each caller, decided and issued once, and
 * the streams that follow them.
 */
export class Callers implements Disposable {
  readonly followers: Followers
  readonly deliveries: Deliveries
  readonly refusals: RefusedCallers
  readonly entitled: Entitled
  readonly entitledToBundles: Entitled
  /** The attested `workload.*` of a caller, for which SVIDs are requested. */
  readonly workloadOf: (subject: Subject) => Attributes
  readonly #resources = new DisposableStack()

  constructor(deps: CallersDeps) {
    const { clock, svids, knowledge } = deps
    const followers = new Followers(clock)
    this.followers = followers
    this.refusals = new RefusedCallers(deps)
    this.deliveries = this.#resources.use(new Deliveries(clock, deps.reporter))
    const leftOut = new LeftOut(deps)
    const onReady: IdentitySetDeps['onReady'] = (set, kind) => followers.refreshWith(set, kind)
    this.workloadOf = (subject) => deps.attestation.known(subject) ?? {}
    const { workloadOf } = this
    const livingHolder: IdentitySetDeps['livingHolder'] = (set) => followers.livingHolder(set)
    const { encode } = deps
    const sets = new IdentitySets({ svids, clock, leftOut, encode, workloadOf, livingHolder, onReady })
    const entitlements = new Entitlements({ ...deps, sets, leftOut })
    this.entitled = (peer) => entitlements.of(peer)
    this.entitledToBundles = (peer) => entitlements.toBundles(peer)
    this.#resources.use(
      svids.onX509Change((grantKey) => {
        for (const set of sets.with(grantKey)) {
          set.invalidate()
          followers.refreshWith(set, 'x509_svid')
        }
      }),
    )
    this.#resources.use(knowledge.subscribe(() => followers.refreshAll()))
  }

  [Symbol.dispose](): void {
    this.#resources[Symbol.dispose]()
  }
}
