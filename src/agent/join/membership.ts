import type { AgentConfig } from '../../config/agent-config.ts'
import { Backoff } from '../../foundation/backoff.ts'
import type { Clock } from '../../foundation/clock.ts'
import { CodedError } from '../../foundation/errors.ts'
import type { Logger } from '../../foundation/logger.ts'
import type { Metrics } from '../../foundation/metrics.ts'
import { pause } from '../../foundation/pause.ts'
import type { Random } from '../../foundation/random.ts'
import { Watchable } from '../../foundation/watchable.ts'
import { RpcError } from '../../rpc/status.ts'
import { type BotIdentity, expiresMs, type StoredIdentity } from '../state/bot-identity.ts'
import type { IdentityStore } from '../state/identity-file.ts'
import { Attempts } from '../uplink/attempts.ts'
import type { AuthorityDoor } from '../uplink/authority-door.ts'
import type { ClockSkew } from '../uplink/clock-skew.ts'
import { describeRefusal, isPassing, join } from './join-as-bot.ts'
import type { JoinMethods } from './join-method.ts'
import { isOfPin } from './pin.ts'
import type { GivenIdentity } from './read-bot-certificate.ts'
import { renew } from './renew.ts'

export type Member = StoredIdentity & { readonly current: BotIdentity }

interface MembershipDeps {
  readonly config: Pick<AgentConfig, 'join' | 'authority'>
  readonly door: AuthorityDoor
  readonly store: IdentityStore
  readonly methods: JoinMethods
  readonly skew: Pick<ClockSkew, 'note'>
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly metrics: Metrics
  readonly environment: NodeJS.ProcessEnv
}

const RETRY = { initialMs: 50, maxMs: 30_000 }
/** A refusal does not pass by itself: somebody must unlock the bot or give another join token. */
const RETRY_REFUSED = { initialMs: 30_000, maxMs: 300_000 }
/**
 * Timers stop while a host is suspended, but certificates keep aging, so the time is checked this
 * often.
 */
const MAX_PAUSE_MS = 30_000
/** The shortest interval between renewals, however short the certificate's life or wrong the clock. */
const SHORTEST_PAUSE_MS = 1_000

/**
 * Makes this agent a bot and keeps it one: joins once, then renews at half of each certificate's
 * life.
 */
export class Membership {
  /** Undefined before the first join. */
  readonly member: Watchable<Member | undefined>
  readonly joining: Attempts
  readonly renewing: Attempts
  readonly #deps: MembershipDeps
  readonly #backoff: Backoff
  readonly #afterRefusal: Backoff
  #wake: AbortController | undefined
  #hurry: AbortController | undefined
  /** The error code of the last failed join, to log it once. */
  #failure: string | undefined
  #renewed = false
  #refusedIdentity: BotIdentity | undefined

  constructor(deps: MembershipDeps) {
    this.#deps = deps
    this.#backoff = new Backoff(RETRY, deps.random)
    this.#afterRefusal = new Backoff(RETRY_REFUSED, deps.random)
    this.joining = new Attempts(deps.clock)
    this.renewing = new Attempts(deps.clock)
    const { stored } = deps.store
    const isOurs = stored !== undefined && isMember(stored) && isOfPin(stored, deps.config.authority.pin)
    if (stored?.current !== undefined && !isOurs) {
      deps.logger.warn(
        { event: 'identity.foreign' },
        'the saved bot identity belongs to another authority than the pin names',
      )
    }
    this.member = new Watchable<Member | undefined>(isOurs ? stored : undefined)
    deps.metrics.collected('bot_identity_expiry_seconds', 'Time until the bot certificate ends', () => {
      const current = this.member.value?.current
      return current ? [{ labels: {}, value: (expiresMs(current) - this.#nowMs) / 1000 }] : []
    })
    deps.metrics.collected('bot_identity_lifetime_seconds', 'Whole life of the bot certificate', () => {
      const current = this.member.value?.current
      return current ? [{ labels: {}, value: current.lifeMs / 1000 }] : []
    })
  }

  /**
   * Runs until the signal aborts. @throws JoinRefusedError and other errors that a retry cannot
   * change
   */
  async run(signal: AbortSignal): Promise<void> {
    while (this.member.value === undefined && !signal.aborted) await this.#tryJoin(signal)
    this.#backoff.reset()
    for (let { value } = this.member; value !== undefined && !signal.aborted; { value } = this.member) {
      await this.#rest(value.current, signal)
      if (!signal.aborted) await this.#tryRenew(value, signal)
    }
  }

  /**
   * Called when the authority rejects the bot certificate. Renews immediately, which reveals the
   * reason and leads to a new join if another join token is configured.
   */
  refused(): void {
    const { value } = this.member
    if (!this.#mayRejoin(value) && this.#refusedIdentity === value?.current) return
    this.#refusedIdentity = value?.current
    this.#wake?.abort()
  }

  /** The reason for refusals may have gone: a renewal that was refused is tried again now. */
  refusalMayBeOver(): void {
    this.#afterRefusal.reset()
    this.#hurry?.abort()
  }

  async #tryJoin(signal: AbortSignal): Promise<void> {
    const { clock, logger } = this.#deps
    try {
      this.#become(await join(this.#deps, signal))
    } catch (error) {
      if (!isPassing(error)) throw error instanceof RpcError ? describeRefusal(error) : error
      const retryMs = Math.round(this.#backoff.nextMs())
      this.joining.failed(error, retryMs)
      const failure = error instanceof CodedError ? error.code : 'unknown'
      if (this.#failure !== failure)
        logger.warn({ event: 'join.failed', err: error, retryMs }, 'cannot join yet; retrying')
      this.#failure = failure
      await pause(clock, retryMs, signal)
    }
  }

  async #tryRenew(member: Member, signal: AbortSignal): Promise<void> {
    const { clock, logger } = this.#deps
    try {
      this.#become(await renew(this.#deps, member))
    } catch (error) {
      const backoff = isPassing(error) ? this.#backoff : this.#afterRefusal
      const retryMs = Math.round(Math.max(SHORTEST_PAUSE_MS, backoff.nextMs()))
      this.renewing.failed(error, retryMs)
      const expiresAt = new Date(expiresMs(member.current)).toISOString()
      logger.warn(
        { event: 'renewal.failed', err: error, expiresAt, retryMs },
        'cannot renew the bot certificate; retrying',
      )
      if (!isPassing(error) && this.#mayRejoin(member) && (await this.#rejoin(signal))) return
      // If the next key was saved meanwhile, further attempts must use it.
      const { stored } = this.#deps.store
      if (stored !== undefined && isMember(stored)) this.member.set(stored)
      this.#hurry = new AbortController()
      await pause(clock, retryMs, AbortSignal.any([signal, this.#hurry.signal]))
      this.#hurry = undefined
    }
  }

  /**
   * The old identity was refused and another join token is configured, so the operator wants a new
   * join.
   */
  async #rejoin(signal: AbortSignal): Promise<boolean> {
    try {
      this.#become(await join(this.#deps, signal))
      return true
    } catch (error) {
      const err = !isPassing(error) && error instanceof CodedError ? describeRefusal(error) : error
      this.#deps.logger.error({ event: 'join.failed', err }, 'cannot join again')
      return false
    }
  }

  #mayRejoin(member: Member | undefined): boolean {
    return member !== undefined && member.joinToken !== this.#deps.config.join.token
  }

  #become({ identity, clockSkewMs }: GivenIdentity): void {
    const { logger, store, skew } = this.#deps
    const { bot, botInstanceId, generation } = identity
    const before = this.member.value?.current.botInstanceId
    const event = before === botInstanceId ? 'renewal.accepted' : 'join.accepted'
    const detail = { bot, botInstance: botInstanceId, generation }
    const expiresAt = new Date(expiresMs(identity)).toISOString()
    logger.info({ event, ...detail, expiresAt }, 'this agent has a bot certificate')
    skew.note(this.#nowMs - clockSkewMs)
    this.joining.worked()
    this.renewing.worked()
    this.#backoff.reset()
    this.#afterRefusal.reset()
    this.#failure = undefined
    this.#renewed = true
    const { stored } = store
    if (stored !== undefined && isMember(stored)) this.member.set(stored)
  }

  #renewalTimeMs({ receivedMs, lifeMs }: BotIdentity): number {
    // Jitter, so that agents that joined together do not keep renewing together.
    return receivedMs + lifeMs * (0.5 - 0.05 * this.#deps.random.fraction())
  }

  async #rest(current: BotIdentity, signal: AbortSignal): Promise<void> {
    const untilMs = this.#renewalTimeMs(current)
    const wake = new AbortController()
    this.#wake = wake
    const either = AbortSignal.any([signal, wake.signal])
    // A reception time more than one lifetime in the future means that the clock was set back.
    const isPlausible = (): boolean => this.#nowMs >= current.receivedMs - current.lifeMs
    const shortestMs = this.#renewed ? SHORTEST_PAUSE_MS : 0
    // The wall clock may be set back meanwhile; the monotonic clock is not.
    const untilBootMs = this.#deps.clock.bootMs() + untilMs - this.#nowMs
    const isTime = (): boolean => this.#nowMs >= untilMs || this.#deps.clock.bootMs() >= untilBootMs
    do {
      const leftMs = untilMs - this.#nowMs
      await pause(this.#deps.clock, Math.min(MAX_PAUSE_MS, Math.max(shortestMs, leftMs)), either)
    } while (!either.aborted && !isTime() && isPlausible())
    this.#wake = undefined
  }

  get #nowMs(): number {
    return this.#deps.clock.now().getTime()
  }
}

function isMember(stored: StoredIdentity): stored is Member {
  return stored.current !== undefined
}
