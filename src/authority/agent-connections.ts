import type { Clock } from '../foundation/clock.ts'
import { addressKey } from '../rpc/address-key.ts'
import { ConnectionPool, type PoolMember } from '../rpc/connection-pool.ts'
import type { AnonymousCaller, BotCaller } from './caller.ts'

export interface BotLimits {
  /** Bot connections in all. */
  readonly max: number
  /** Bot connections per IPv4 address or IPv6 /64. */
  readonly maxPerAddress: number
}

interface AgentConnectionsOptions extends BotLimits {
  /** Connections without a client certificate. */
  readonly maxAnonymous: number
  readonly clock: Clock
}

/**
 * Limits on open connections: of bots, of callers without a certificate, and before the TLS handshake
 * is done.
 */
export interface Places {
  readonly bots: number
  readonly anonymous: number
  readonly handshakes: number
}

/** Such a caller joins within a second, or only checks whether this is the right authority. */
const MAX_ANONYMOUS = 256
const MAX_HANDSHAKES = 1_024
/** File descriptors kept for the database, administrators and occasional reads. */
const FILES_KEPT_FREE = 384

/**
 * Divides the open files: callers without a certificate and handshakes get a small share, bots get
 * what they were configured for, as far as the rest allows.
 */
export function placesFor(bots: number, openFiles: number): Places {
  const free = Math.max(64, openFiles - FILES_KEPT_FREE)
  const anonymous = Math.min(MAX_ANONYMOUS, Math.ceil(free / 16))
  const handshakes = Math.min(MAX_HANDSHAKES, Math.ceil(free / 8))
  return { bots: Math.min(bots, free - anonymous - handshakes), anonymous, handshakes }
}

/** The place of one connection in the limits. `leave` gives it up. */
export interface Place {
  leave(): void
}

/** A bot's only connection is never spare, so bots with one connection each do not displace each other. */
const NEVER = Number.POSITIVE_INFINITY

/**
 * Decides who may have a connection. Callers without a certificate share a small pool, which drops
 * its oldest connection when it is full: they only join, which takes a moment. When the bots' pool is
 * full, a new connection replaces one of the instance that has most.
 */
export class AgentConnections {
  readonly #anonymous: ConnectionPool<string>
  readonly #bots: ConnectionPool<string>
  #maxPerAddress: number
  readonly #botsAt = new Map<string, number>()
  readonly #clock: Clock

  constructor({ max, maxPerAddress, maxAnonymous, clock }: AgentConnectionsOptions) {
    this.#anonymous = new ConnectionPool({ max: maxAnonymous, spareMs: 0 })
    this.#bots = new ConnectionPool({ max, spareMs: NEVER })
    this.#maxPerAddress = maxPerAddress
    this.#clock = clock
  }

  /** Sets the limits for connections of bots to come. Those that are open stay. */
  limit({ max, maxPerAddress }: BotLimits): void {
    this.#bots.limit(max)
    this.#maxPerAddress = maxPerAddress
  }

  /**
   * Returns a place, or the reason why there is none. `evict` is called when another connection takes
   * the place.
   */
  admit(caller: AnonymousCaller | BotCaller, evict: () => void): Place | string {
    const sinceMs = this.#clock.monotonicMs()
    const address = addressKey(caller.address)
    if (caller.kind === 'anonymous') return this.#take(this.#anonymous, { key: address, sinceMs, evict })
    const there = this.#botsAt.get(address) ?? 0
    if (there >= this.#maxPerAddress) return 'too_many_connections_of_address'
    const place = this.#take(this.#bots, { key: caller.instanceId, sinceMs, evict })
    if (typeof place === 'string') return place
    this.#botsAt.set(address, (this.#botsAt.get(address) ?? 0) + 1)
    const leave = (): void => {
      this.#countOut(address)
      place.leave()
    }
    return { leave }
  }

  #take(pool: ConnectionPool<string>, member: PoolMember<string>): Place | string {
    return pool.admit(member) ? { leave: () => pool.leave(member) } : 'too_many_connections'
  }

  #countOut(address: string): void {
    const there = this.#botsAt.get(address) ?? 0
    if (there > 1) this.#botsAt.set(address, there - 1)
    else this.#botsAt.delete(address)
  }
}
