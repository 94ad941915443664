import type { AgentConfig } from '../../config/agent-config.ts'
import type { Clock } from '../../foundation/clock.ts'
import type { Logger } from '../../foundation/logger.ts'
import type { Metrics } from '../../foundation/metrics.ts'
import type { Random } from '../../foundation/random.ts'
import { type Member, Membership } from '../join/membership.ts'
import { JOIN_METHODS } from '../join/methods/registry.ts'
import type { IdentityStore } from '../state/identity-file.ts'
import type { KnowledgeStore } from '../sync/knowledge-store.ts'
import { Sync } from '../sync/sync.ts'
import type { AuthorityDoor } from './authority-door.ts'
import type { AuthorityLink } from './authority-link.ts'
import { ClockSkew } from './clock-skew.ts'

interface UplinkDeps {
  readonly config: AgentConfig
  readonly door: AuthorityDoor
  readonly store: IdentityStore
  readonly link: AuthorityLink
  readonly knowledge: KnowledgeStore
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly metrics: Metrics
  readonly environment: NodeJS.ProcessEnv
}

/**
 * The agent's connection to its authority: membership and sync. Loaded after the sockets are
 * served, so that workloads need not wait for it.
 */
export class Uplink {
  readonly membership: Membership
  readonly sync: Sync
  readonly skew: ClockSkew
  readonly #deps: UplinkDeps

  constructor(deps: UplinkDeps) {
    this.#deps = deps
    const { link, knowledge, clock, logger } = deps
    this.skew = new ClockSkew(clock, logger)
    this.membership = new Membership({ ...deps, skew: this.skew, methods: JOIN_METHODS })
    this.sync = new Sync({
      ...deps,
      client: () => link.client,
      store: knowledge,
      skew: this.skew,
      onRefused: () => this.membership.refused(),
      onMayRenew: () => this.membership.refusalMayBeOver(),
    })
  }

  /** Runs until the signal aborts. @throws errors that a retry cannot change, such as a refused join */
  async run(signal: AbortSignal): Promise<void> {
    const joined = Promise.withResolvers<void>()
    using _subscription = this.membership.member.subscribe((member) => {
      if (member) void this.#use(member).then(joined.resolve, joined.reject)
    })
    signal.addEventListener('abort', () => joined.resolve())
    const { value } = this.membership.member
    if (value !== undefined) await this.#use(value).then(joined.resolve)
    const following = joined.promise.then(() => this.sync.run(signal))
    await Promise.race([this.membership.run(signal), following.then(() => new Promise<void>(() => {}))])
    await following
  }

  async #use(member: Member): Promise<void> {
    this.#deps.knowledge.belongTo(member.trustDomain)
    await this.#deps.link.use(member)
    this.sync.restart()
  }
}
