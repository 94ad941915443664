import type { Clock, Scheduled } from '../../foundation/clock.ts'
import type { Peer } from '../../peer/peer.ts'
import { seenProcess } from '../report/seen-process.ts'
import type { Delivered, DeliveryReporter, SeenTimes } from '../sync/knowledge.ts'

const FLUSH_MS = 5_000
/** Different responses to different connections counted between two reports. */
const LIMIT = 4_096
/** Told to the reporter in one turn of the loop, the oldest first: a millisecond's work, and no more. */
const PART = 128
const BETWEEN_PARTS_MS = 1

/** Counts what each caller was given and reports it now and then: the same bytes go out thousands of times a second. */
export class Deliveries implements Disposable {
  readonly #clock: Clock
  readonly #reporter: DeliveryReporter
  readonly #counts = new Map<Peer, Map<Delivered, SeenTimes>>()
  #size = 0
  #timer: Scheduled | undefined

  constructor(clock: Clock, reporter: DeliveryReporter) {
    this.#clock = clock
    this.#reporter = reporter
  }

  /** The same `delivered` again is the same response. */
  count(peer: Peer, delivered: Delivered, nowMs: number): void {
    let counts = this.#counts.get(peer)
    const times = counts?.get(delivered)
    if (times !== undefined) {
      times.count += 1
      times.lastMs = nowMs
      return
    }
    if (this.#size >= LIMIT) {
      this.#report(PART)
      counts = this.#counts.get(peer)
    }
    if (counts === undefined) {
      counts = new Map()
      this.#counts.set(peer, counts)
    }
    counts.set(delivered, { count: 1, firstMs: nowMs, lastMs: nowMs })
    this.#size += 1
    this.#timer ??= this.#reportIn(FLUSH_MS)
  }

  #reportIn(ms: number): Scheduled {
    return this.#clock.schedule(ms, () => {
      this.#report(PART)
      this.#timer = this.#size > 0 ? this.#reportIn(BETWEEN_PARTS_MS) : undefined
    })
  }

  #report(most: number): void {
    let left = most
    for (const [peer, counts] of this.#counts) {
      const process = seenProcess(peer)
      for (const [delivered, times] of counts) {
        if (left === 0) return
        left -= 1
        counts.delete(delivered)
        this.#size -= 1
        this.#reporter.delivered(process, delivered, times)
      }
      this.#counts.delete(peer)
    }
  }

  [Symbol.dispose](): void {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#report(Number.POSITIVE_INFINITY)
  }
}
