import type net from 'node:net'
import { startReading, stopReading } from './socket-handle.ts'

/** A connection that is being served: whether it is idle, and how to end it gracefully. */
export interface Served {
  isIdle(): boolean
  /** Ends its calls with a status, then closes it within a second. */
  end(): void
}

interface Entry {
  readonly socket: net.Socket
  served: Served | undefined
}

interface User {
  readonly entries: Map<net.Socket, Entry>
  /** Each socket is in exactly one of these two sets: reading, or paused. */
  readonly read: Set<net.Socket>
  readonly held: Set<net.Socket>
}

/** How many of a user's connections one call of `resume` reads from again: each brings more work. */
const RESUMED_AT_ONCE = 32
/** How many evicted connections may be closing gracefully; they are not counted against the limits. */
const MAX_LEAVING = 64
/** How many of a user's connections are searched for an idle one. */
const LOOKED_AT = 256

/**
 * The open connections, by user. At the total limit, the user with the most connections gives one
 * up to a user who has fewer.
 */
export class UserConnections {
  #max: number
  #maxPerUid: number
  readonly #users = new Map<number, User>()
  readonly #leaving = new Set<net.Socket>()
  #total = 0

  constructor(max: number, maxPerUid: number) {
    this.#max = max
    this.#maxPerUid = maxPerUid
  }

  limit(max: number, maxPerUid: number): void {
    this.#max = max
    this.#maxPerUid = maxPerUid
  }

  get total(): number {
    return this.#total
  }

  /**
   * Counts a connection, or returns the reason why there is no room. `evicted` is called with the
   * uid whose connection was evicted to make room.
   */
  add(uid: number, socket: net.Socket, evicted: (uid: number) => void): string | undefined {
    const own = this.#users.get(uid)?.entries.size ?? 0
    if (own >= this.#maxPerUid) return 'too_many_connections_of_uid'
    if (this.#total >= this.#max) {
      const biggest = this.#biggest()
      if (biggest === undefined || biggest.user.entries.size <= own + 1) return 'too_many_connections'
      this.#evict(biggest)
      evicted(biggest.uid)
    }
    const user = this.#users.get(uid) ?? { entries: new Map(), read: new Set(), held: new Set() }
    this.#users.set(uid, user)
    user.entries.set(socket, { socket, served: undefined })
    user.read.add(socket)
    this.#total += 1
    return undefined
  }

  /** Notes how to end a connection, once it is being served. */
  serving(uid: number, socket: net.Socket, served: Served): void {
    const entry = this.#users.get(uid)?.entries.get(socket)
    if (entry !== undefined) entry.served = served
  }

  remove(uid: number, socket: net.Socket): void {
    this.#leaving.delete(socket)
    const user = this.#users.get(uid)
    if (user === undefined || !user.entries.delete(socket)) return
    this.#total -= 1
    user.read.delete(socket)
    user.held.delete(socket)
    if (user.entries.size === 0) this.#users.delete(uid)
  }

  destroyAll(): void {
    for (const { entries } of this.#users.values()) for (const socket of entries.keys()) socket.destroy()
    for (const socket of this.#leaving) socket.destroy()
  }

  get isEmpty(): boolean {
    return this.#total === 0 && this.#leaving.size === 0
  }

  /** Stops reading from this user's connections, until `resume`. */
  hold(uid: number): void {
    for (const socket of this.#users.get(uid)?.read ?? []) this.holdOne(uid, socket)
  }

  holdOne(uid: number, socket: net.Socket): void {
    const user = this.#users.get(uid)
    if (user?.read.delete(socket) !== true) return
    user.held.add(socket)
    stopReading(socket)
  }

  /**
   * Resumes reading from some of a user's connections, longest held first. Returns true once none
   * is held.
   */
  resume(uid: number): boolean {
    const user = this.#users.get(uid)
    if (user === undefined) return true
    const { held, read } = user
    let left = RESUMED_AT_ONCE
    for (const socket of held) {
      if (left-- === 0) break
      held.delete(socket)
      read.add(socket)
      startReading(socket)
    }
    return held.size === 0
  }

  #biggest(): { readonly uid: number; readonly user: User } | undefined {
    let found: { uid: number; user: User } | undefined
    for (const [uid, user] of this.#users) {
      if (found === undefined || user.entries.size > found.user.entries.size) found = { uid, user }
    }
    return found
  }

  /** Evicts the user's oldest idle connection, or the oldest if none is idle. */
  #evict({ uid, user }: { readonly uid: number; readonly user: User }): void {
    let chosen: Entry | undefined
    let looked = 0
    for (const entry of user.entries.values()) {
      chosen ??= entry
      if (entry.served?.isIdle() !== false) {
        chosen = entry
        break
      }
      if (++looked === LOOKED_AT) break
    }
    if (chosen === undefined) return
    this.remove(uid, chosen.socket)
    if (chosen.served === undefined || this.#leaving.size >= MAX_LEAVING) {
      chosen.socket.destroy()
      return
    }
    this.#leaving.add(chosen.socket)
    startReading(chosen.socket)
    chosen.served.end()
  }
}
