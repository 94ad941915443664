import type { Delivered, SeenProcess, SeenTimes } from '../sync/knowledge.ts'

/** What was seen: a refusal and why, or a response with SVIDs. */
export type What = { readonly denied: string } | { readonly delivered: Delivered }

export interface NamedProcess {
  readonly process: SeenProcess
  readonly times: SeenTimes
}

/** The same thing, seen of processes of one user. */
export interface PendingEvent {
  readonly uid: number
  readonly key: string
  readonly what: What
  readonly processes: readonly NamedProcess[]
  /** Of processes that are not named. */
  readonly others: SeenTimes | undefined
}

interface Kept {
  readonly what: What
  readonly processes: Map<string, NamedProcess>
  others: SeenTimes | undefined
}

/** Events and processes in all; each takes some 300 bytes. */
const MAX_EVENTS = 16_384
/** Of one event: what more there are is only counted. */
const MAX_NAMED = 1_024
/** Of one event taken at once. */
const MAX_TAKEN = 128
/** Whose losses are told by name. */
const MAX_USERS = 1_024
/** Stands for all further users. */
const FURTHER_USERS = 0xffff_ffff

/**
 * What waits to be told to the authority, added up. Every user has a share of his own: when there is no more room, whoever holds most
 * loses his oldest, and when something is taken, each has his turn.
 */
export class PendingReports {
  readonly #byUid = new Map<number, Map<string, Kept>>()
  readonly #sizes = new Map<number, number>()
  #givenUp = new Map<number, SeenTimes>()
  #size = 0

  get isEmpty(): boolean {
    return this.#size === 0 && this.#givenUp.size === 0
  }

  add(key: string, what: What, process: SeenProcess, times: SeenTimes): void {
    const { uid } = process
    const kept = this.#event(uid, key, what)
    const name = `${process.pid} ${process.startedMs} ${process.gid} ${process.binaryPath ?? ''}`
    const known = kept.processes.get(name)
    if (known !== undefined) addTimes(known.times, times)
    else if (kept.processes.size < MAX_NAMED) {
      kept.processes.set(name, { process, times: { ...times } })
      this.#grow(uid, 1)
    } else if (kept.others !== undefined) addTimes(kept.others, times)
    else kept.others = { ...times }
    while (this.#size > MAX_EVENTS) this.#giveUpOldestOfBiggest()
  }

  /** Events, one of each user in turn, of one with very many processes a part, until `take` wants no more. What it takes is pending no more. */
  take(take: (event: PendingEvent) => boolean): void {
    while (this.#byUid.size > 0) {
      for (const [uid, events] of this.#byUid) {
        const [oldest] = events
        if (oldest === undefined) continue
        const [key, { what, processes, others }] = oldest
        const named = [...processes].slice(0, MAX_TAKEN)
        const isAll = named.length === processes.size
        const part = named.map(([, each]) => each)
        if (!take({ uid, key, what, processes: part, others: isAll ? others : undefined })) return
        if (isAll) this.#remove(uid, key)
        else this.#removeProcesses(uid, processes, named)
      }
    }
  }

  /** What was not heard waits on. */
  putBack({ uid, key, what, processes, others }: PendingEvent): void {
    for (const { process, times } of processes) this.add(key, what, process, times)
    if (others === undefined) return
    const kept = this.#event(uid, key, what)
    if (kept.others === undefined) kept.others = others
    else addTimes(kept.others, others)
  }

  giveUp({ uid, processes, others }: Pick<PendingEvent, 'uid' | 'processes' | 'others'>): void {
    for (const { times } of processes) this.#lose(uid, times)
    if (others !== undefined) this.#lose(uid, others)
  }

  /** What was given up, by user, until it is told. */
  takeGivenUp(most: number): (readonly [uid: number, times: SeenTimes])[] {
    const taken = [...this.#givenUp].slice(0, most)
    for (const [uid] of taken) this.#givenUp.delete(uid)
    return taken
  }

  putBackGivenUp(taken: readonly (readonly [uid: number, times: SeenTimes])[]): void {
    for (const [uid, times] of taken) this.#lose(uid, times)
  }

  #event(uid: number, key: string, what: What): Kept {
    let events = this.#byUid.get(uid)
    if (events === undefined) {
      events = new Map()
      this.#byUid.set(uid, events)
    }
    let kept = events.get(key)
    if (kept === undefined) {
      kept = { what, processes: new Map(), others: undefined }
      events.set(key, kept)
      this.#grow(uid, 1)
    }
    return kept
  }

  #remove(uid: number, key: string): void {
    const events = this.#byUid.get(uid)
    const kept = events?.get(key)
    if (events === undefined || kept === undefined) return
    events.delete(key)
    this.#grow(uid, -1 - kept.processes.size)
    if (events.size > 0) return
    this.#byUid.delete(uid)
    this.#sizes.delete(uid)
  }

  #removeProcesses(
    uid: number,
    processes: Map<string, NamedProcess>,
    taken: readonly (readonly [name: string, process: NamedProcess])[],
  ): void {
    for (const [name] of taken) processes.delete(name)
    this.#grow(uid, -taken.length)
  }

  #giveUpOldestOfBiggest(): void {
    let [biggest, most] = [0, -1]
    for (const [uid, size] of this.#sizes) if (size > most) [biggest, most] = [uid, size]
    for (const [key, { processes, others }] of this.#byUid.get(biggest) ?? []) {
      this.giveUp({ uid: biggest, processes: [...processes.values()], others })
      this.#remove(biggest, key)
      return
    }
  }

  #lose(uid: number, times: SeenTimes): void {
    const name = this.#givenUp.has(uid) || this.#givenUp.size < MAX_USERS ? uid : FURTHER_USERS
    const known = this.#givenUp.get(name)
    if (known === undefined) this.#givenUp.set(name, { ...times })
    else addTimes(known, times)
  }

  #grow(uid: number, by: number): void {
    this.#size += by
    this.#sizes.set(uid, (this.#sizes.get(uid) ?? 0) + by)
  }
}

function addTimes(sum: SeenTimes, times: SeenTimes): void {
  sum.count += times.count
  sum.firstMs = Math.min(sum.firstMs, times.firstMs)
  sum.lastMs = Math.max(sum.lastMs, times.lastMs)
}
