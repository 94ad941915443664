import type { Clock, Scheduled } from '../../foundation/clock.ts'
import type { Peer } from '../../peer/peer.ts'
import type { Delivered, DeliveryReporter, SeenTimes } from '../report/delivery-reporter.ts'
import { seenProcess } from '../report/seen-process.ts'

const FLUSH_MS = 5_000
/** How many pairs of connection and response are counted between two reports. */
const MAX_PAIRS = 4_096
/** How many are reported per turn of the loop, oldest first: at most a millisecond's work. */
const PART = 128
const BETWEEN_PARTS_MS = 1

/**
 * Counts the responses that each caller got and reports them periodically, because the same bytes
 * may go out thousands of times a second.
 */
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

  /** Counts one delivery. Responses are told apart by the identity of `delivered`. */
  count(peer: Peer, delivered: Delivered, nowMs: number): void {
    let counts = this.#counts.get(peer)
    const times = counts?.get(delivered)
    if (times !== undefined) {
      times.count += 1
      times.lastMs = nowMs
      return
    }
    if (this.#size >= MAX_PAIRS) {
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
