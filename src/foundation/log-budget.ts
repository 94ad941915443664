import type { Clock, Scheduled } from './clock.ts'
import { TokenBuckets } from './token-buckets.ts'

/** Lines of one event about one user or bot instance … */
const OF_SUBJECT_AND_EVENT = { perSecond: 0.1, burst: 16, maxKeys: 8_192 }
/** … all lines about that user … */
const OF_SUBJECT = { perSecond: 0.25, burst: 64, maxKeys: 4_096 }
/** … and lines about all users: at most some 70 MB a day, even in a flood. */
const OF_SUBJECTS = { perSecond: 2, burst: 512, maxKeys: 1 }
/** Lines of one event that are not about a user. The code has a fixed set of events. */
const OF_EVENT = { perSecond: 5, burst: 256, maxKeys: 1_024 }

const TELL_AFTER_MS = 60_000
const MAX_TOLD = 16

/** The event that a line reports, and who caused it. Callers cannot choose either text. */
interface Told {
  readonly event: string
  readonly subject: string | undefined
}

/** How many lines were left out, by event and by subject. */
interface LeftOutLines {
  readonly lines: number
  readonly events: Readonly<Record<string, number>>
  readonly subjects: Readonly<Record<string, number>>
}

/**
 * Limits log lines for each user, for each event and in total. It counts what is left out and
 * reports that once a minute.
 */
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

  /**
   * Returns whether a line may be written. If not, `tell` is called later with a summary of the
   * lines left out.
   */
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

/** There may be very many subjects; only the first ones are counted by name. */
const MAX_COUNTED = 4_096

function count(counts: Map<string, number>, key: string): void {
  const known = counts.get(key)
  if (known !== undefined || counts.size < MAX_COUNTED) counts.set(key, (known ?? 0) + 1)
}

function most(counts: ReadonlyMap<string, number>): Record<string, number> {
  return Object.fromEntries([...counts].sort(([, a], [, b]) => b - a).slice(0, MAX_TOLD))
}
