import type { Clock } from '../../foundation/clock.ts'
import type { Connection } from '../../rpc/connection.ts'
import type { BotCaller, Caller } from '../caller.ts'
import { ReplacedByNewerError } from '../errors.ts'
import { RateLimiter } from '../rate-limiter.ts'
import type { BotInstance } from './bot-instance.ts'
import type { Bots } from './bots.ts'
import type { UsedTwice } from './used-twice.ts'

interface InstanceConnectionsDeps {
  readonly bots: Pick<Bots, 'use' | 'mayStay'>
  readonly usedTwice: Pick<UsedTwice, 'note'>
  readonly clock: Clock
}

interface Held {
  readonly connection: Connection<Caller>
  readonly caller: BotCaller
  /** Whether a call on it was accepted. */
  isUsed: boolean
}

/**
 * An agent has one connection, and two more while it renews. Above the limit the oldest is closed,
 * because older ones may be dead.
 */
const MAX_CONNECTIONS = 8
const NEW = { burst: 100, perSecond: 1, maxKeys: 100_000 }
/** A peer that is alive answers a PING within this time. */
const ANSWER_MS = 5_000

/**
 * The connections of each bot instance. Limits their number, and detects two holders of one
 * certificate.
 */
export class InstanceConnections {
  readonly #deps: InstanceConnectionsDeps
  readonly #new: RateLimiter
  readonly #held = new Map<string, Held[]>()

  constructor(deps: InstanceConnectionsDeps) {
    this.#deps = deps
    this.#new = new RateLimiter(NEW, deps.clock)
  }

  /** Whether this instance may have one more connection now. */
  mayConnect({ instanceId }: BotCaller): boolean {
    return this.#new.tryTake(instanceId)
  }

  /** Adds a connection. `end` is called with the oldest one when there are too many. */
  add(
    connection: Connection<Caller>,
    caller: BotCaller,
    end: (oldest: Connection<Caller>, error: Error) => void,
  ): void {
    const held = this.#held.get(caller.instanceId) ?? []
    this.#held.set(caller.instanceId, held)
    held.push({ connection, caller, isUsed: false })
    void connection.closed.then(() => this.#remove(connection, caller))
    const oldest = held.length > MAX_CONNECTIONS ? held.shift() : undefined
    if (oldest)
      end(oldest.connection, new ReplacedByNewerError('newer connections of this bot have taken its place'))
  }

  /**
   * Calls `Bots.use`, and detects a certificate that is in use twice: calls on two connections that
   * both still answer. An agent that reconnected from elsewhere leaves at most a dead connection
   * behind. Renewals use a connection of their own and do not count.
   */
  use(caller: BotCaller, purpose: 'call' | 'sync' = 'call'): BotInstance {
    const instance = this.#deps.bots.use(caller, purpose)
    const held = this.#held.get(caller.instanceId)
    const own = held?.find((each) => each.caller === caller)
    if (own && !own.isUsed) {
      own.isUsed = true
      for (const other of held ?? []) if (isTwin(other, own)) void this.#compare(other.caller, caller)
    }
    return instance
  }

  mayStay(caller: BotCaller): boolean {
    return this.#deps.bots.mayStay(caller)
  }

  /**
   * Whether the peer of a caller's connection answers a PING. Everything it sent before the answer
   * has arrived by then.
   */
  async answers(caller: BotCaller): Promise<boolean> {
    const held = this.#held.get(caller.instanceId)?.find((each) => each.caller === caller)
    if (!held) return false
    const { promise, resolve } = Promise.withResolvers<boolean>()
    const timer = this.#deps.clock.schedule(ANSWER_MS, () => resolve(false))
    void held.connection.answers().then(resolve)
    return promise.finally(() => timer.cancel())
  }

  async #compare(older: BotCaller, newer: BotCaller): Promise<void> {
    if (await this.answers(older)) this.#deps.usedTwice.note(older, newer, 'two_connections')
  }

  #remove(connection: Connection<Caller>, { instanceId }: BotCaller): void {
    const left = (this.#held.get(instanceId) ?? []).filter((each) => each.connection !== connection)
    if (left.length > 0) this.#held.set(instanceId, left)
    else this.#held.delete(instanceId)
  }
}

function isTwin(other: Held, own: Held): boolean {
  return (
    other !== own &&
    other.isUsed &&
    other.caller.generation === own.caller.generation &&
    other.caller.keySha256 === own.caller.keySha256
  )
}
