import type net from 'node:net'
import { startReading, stopReading } from './socket-handle.ts'

/** How busy a connection is, and a gentle end for it. */
export interface Served {
  isIdle(): boolean
  /** Says goodbye and closes within a second. */
  end(): void
}

interface Entry {
  readonly socket: net.Socket
  served: Served | undefined
}

interface User {
  readonly entries: Map<net.Socket, Entry>
  /** Each is in one of the two: read from, or not at the moment. */
  readonly read: Set<net.Socket>
  readonly held: Set<net.Socket>
}

/** Connections of a user that are read from again in one turn: what they send is more work. */
const LET_GO_AT_ONCE = 32
/** Connections that may be saying goodbye beside those that count. */
const MAX_LEAVING = 64
/** How many of a user's connections are looked at for one that is idle. */
const LOOKED_AT = 256

/** The open connections by user. When there is no room for a user who has few, the one who has most gives one up. */
export class UserConnections {
  readonly #max: number
  readonly #maxPerUid: number
  readonly #users = new Map<number, User>()
  readonly #leaving = new Set<net.Socket>()
  #total = 0

  constructor(max: number, maxPerUid: number) {
    this.#max = max
    this.#maxPerUid = maxPerUid
  }

  get total(): number {
    return this.#total
  }

  /** Why there is no room for one more; undefined: there is, and it is counted. `evicted` is told of whoever had to make room. */
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

  /** It has come as far as being served. */
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

  /** Reads nothing more of this user until it is let go. */
  hold(uid: number): void {
    for (const socket of this.#users.get(uid)?.read ?? []) this.holdOne(uid, socket)
  }

  holdOne(uid: number, socket: net.Socket): void {
    const user = this.#users.get(uid)
    if (user?.read.delete(socket) !== true) return
    user.held.add(socket)
    stopReading(socket)
  }

  /** Reads from some of a user's connections again, from those first that were held first. True: from all of them. */
  letGo(uid: number): boolean {
    const user = this.#users.get(uid)
    if (user === undefined) return true
    const { held, read } = user
    let left = LET_GO_AT_ONCE
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

  /** The oldest that is idle, else the oldest. */
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
