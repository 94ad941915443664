import type { Clock, Scheduled } from './clock.ts'
import { TokenBuckets } from './token-buckets.ts'

/** Lines about one user (or one bot instance) that say the same kind of thing … */
const OF_SUBJECT_AND_EVENT = { perSecond: 0.1, burst: 16, maxKeys: 8_192 }
/** … lines about this user at all … */
const OF_SUBJECT = { perSecond: 0.25, burst: 64, maxKeys: 4_096 }
/** … and about all users together: some 70 MB a day at most, whoever floods. */
const OF_SUBJECTS = { perSecond: 2, burst: 512, maxKeys: 1 }
/** Lines of one kind that are about nobody. The kinds are fixed in the code. */
const OF_EVENT = { perSecond: 5, burst: 256, maxKeys: 1_024 }

const TELL_AFTER_MS = 60_000
const MAX_TOLD = 16

/** What a line is about: the kind of thing that happened, and who caused it. Neither is text that a caller may choose. */
export interface Told {
  readonly event: string
  readonly subject: string | undefined
}

/** How many lines were left out, by what they were about. */
export interface LeftOutLines {
  readonly lines: number
  readonly events: Readonly<Record<string, number>>
  readonly subjects: Readonly<Record<string, number>>
}

/** Bounds what goes to the log for each user, for each kind of line and in all, and counts what is left out, which is told once a minute. */
export class LogBudget {
  readonly #clock: Clock
  readonly #ofBoth: TokenBuckets
  readonly #ofSubject: TokenBuckets
  readonly #ofSubjects: TokenBuckets
  readonly #ofEvent: TokenBuckets
  #events = new Map<string, number>()
  #subjects = new Map<string, number>()
  #lines = 0
  #timer: Scheduled | undefined

  constructor(clock: Clock) {
    this.#clock = clock
    this.#ofBoth = new TokenBuckets(OF_SUBJECT_AND_EVENT, clock)
    this.#ofSubject = new TokenBuckets(OF_SUBJECT, clock)
    this.#ofSubjects = new TokenBuckets(OF_SUBJECTS, clock)
    this.#ofEvent = new TokenBuckets(OF_EVENT, clock)
  }

  /** Whether a line may be written. `tell` is called once there is something to tell of those that may not. */
  take(told: Told, tell: (leftOut: LeftOutLines) => void): boolean {
    if (this.#hasRoom(told)) return true
    this.#lines += 1
    count(this.#events, told.event)
    if (told.subject !== undefined) count(this.#subjects, told.subject)
    this.#timer ??= this.#clock.schedule(TELL_AFTER_MS, () => this.#tell(tell))
    return false
  }

  #hasRoom({ event, subject }: Told): boolean {
    if (subject === undefined) return this.#ofEvent.tryTake(event)
    const all: readonly (readonly [TokenBuckets, string])[] = [
      [this.#ofBoth, `${event} ${subject}`],
      [this.#ofSubject, subject],
      [this.#ofSubjects, ''],
    ]
    if (all.some(([buckets, key]) => buckets.waitMs(key) > 0)) return false
    for (const [buckets, key] of all) buckets.charge(key, 1)
    return true
  }

  #tell(tell: (leftOut: LeftOutLines) => void): void {
    this.#timer = undefined
    const [lines, events, subjects] = [this.#lines, most(this.#events), most(this.#subjects)]
    this.#lines = 0
    this.#events = new Map()
    this.#subjects = new Map()
    tell({ lines, events, subjects })
  }
}

/** Of subjects there may be very many; those counted first are told. */
const MAX_COUNTED = 4_096

function count(counts: Map<string, number>, key: string): void {
  const known = counts.get(key)
  if (known !== undefined || counts.size < MAX_COUNTED) counts.set(key, (known ?? 0) + 1)
}

function most(counts: ReadonlyMap<string, number>): Record<string, number> {
  return Object.fromEntries([...counts].sort(([, a], [, b]) => b - a).slice(0, MAX_TOLD))
}
