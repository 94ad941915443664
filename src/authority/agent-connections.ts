import type { Clock } from '../foundation/clock.ts'
import { addressKey } from '../rpc/address-key.ts'
import { ConnectionPool, type PoolMember } from '../rpc/connection-pool.ts'
import type { AnonymousCaller, BotCaller } from './caller.ts'

export interface AgentConnectionsOptions {
  /** Of bots. */
  readonly max: number
  /** Of bots at one address, or in one /64 of IPv6. */
  readonly maxPerAddress: number
  /** Of those who show no certificate. */
  readonly maxAnonymous: number
  readonly clock: Clock
}

/** How many connections there may be: of bots, of those who show no certificate, and before TLS is done. */
export interface Places {
  readonly bots: number
  readonly anonymous: number
  readonly handshakes: number
}

/** They join within a second, or look whether this is the right authority. */
const MAX_ANONYMOUS = 256
const MAX_HANDSHAKES = 1_024
/** Of the database, of administrators, of what is read now and then. */
const FILES_KEPT_FREE = 384

/** As many bots as were asked for, as far as descriptors reach: the others get a small part of them. */
export function placesFor(bots: number, openFiles: number): Places {
  const free = Math.max(64, openFiles - FILES_KEPT_FREE)
  const anonymous = Math.min(MAX_ANONYMOUS, Math.ceil(free / 16))
  const handshakes = Math.min(MAX_HANDSHAKES, Math.ceil(free / 8))
  return { bots: Math.min(bots, free - anonymous - handshakes), anonymous, handshakes }
}

/** A connection that has its place; whoever gives it up says so. */
export interface Place {
  leave(): void
}

/** Bots that have one connection each do not displace each other. */
const NEVER = Number.POSITIVE_INFINITY

/**
 * Who may have a connection. Those without a certificate have a small pool of their own, from which the oldest goes: they are there to join,
 * which takes a moment. When bots have all of theirs, the next one takes a place from the instance that has most.
 */
export class AgentConnections {
  readonly #anonymous: ConnectionPool<string>
  readonly #bots: ConnectionPool<string>
  readonly #maxPerAddress: number
  readonly #botsAt = new Map<string, number>()
  readonly #clock: Clock

  constructor({ max, maxPerAddress, maxAnonymous, clock }: AgentConnectionsOptions) {
    this.#anonymous = new ConnectionPool({ max: maxAnonymous, spareMs: 0 })
    this.#bots = new ConnectionPool({ max, spareMs: NEVER })
    this.#maxPerAddress = maxPerAddress
    this.#clock = clock
  }

  /** Gives a place, or the reason why there is none. `evict` is called when the place is somebody else's. */
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
