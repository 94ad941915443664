import type { Delivered, SeenProcess, SeenTimes } from './delivery-reporter.ts'

/** What happened: a refusal with its reason, or a response with SVIDs. */
export type What = { readonly denied: string } | { readonly delivered: Delivered }

export interface NamedProcess {
  readonly process: SeenProcess
  readonly times: SeenTimes
}

/** The same event, of processes of one user. */
export interface PendingEvent {
  readonly uid: number
  readonly key: string
  readonly what: What
  readonly processes: readonly NamedProcess[]
  /** The total for processes that are not listed. */
  readonly others: SeenTimes | undefined
}

interface Kept {
  readonly what: What
  readonly processes: Map<string, NamedProcess>
  others: SeenTimes | undefined
}

/** The total of events and processes; each takes some 300 bytes. */
const MAX_EVENTS = 16_384
/** Processes listed per event; further ones are only counted. */
const MAX_NAMED = 1_024
/** Processes per event that `take` passes at a time. */
const MAX_TAKEN = 128
/** How many users have their losses counted separately. */
const MAX_USERS = 1_024
/** Stands for all further users. */
const FURTHER_USERS = 0xffff_ffff

/**
 * Events that wait to be reported to the authority, aggregated. Every user has a share: when space
 * runs out, the user with the most events loses the oldest; when events are taken, users take
 * turns.
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

  /**
   * Passes events to `take`, one per user in turn, until it returns false. An event with very many
   * processes is passed in parts. Accepted events are no longer pending.
   */
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

  /** Puts back an event that could not be reported. */
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

  /** Returns the counts of dropped reports by user and resets them. */
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
