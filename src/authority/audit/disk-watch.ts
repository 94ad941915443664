import type { Clock, Scheduled } from '../../foundation/clock.ts'
import { messageOf } from '../../foundation/errors.ts'
import type { Logger } from '../../foundation/logger.ts'
import type { Metrics } from '../../foundation/metrics.ts'
import type { SpaceInFile } from '../datastore/ports.ts'

interface DiskWatchDeps {
  /** How much space the disk under the database has left for this process. */
  readonly freeBytes: () => Promise<number>
  readonly space: () => SpaceInFile
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: Metrics
}

const LOOK_MS = 60_000
/** The growth rate is measured over the last day, and is unknown until FIRST_RATE_MS after the start. */
const REMEMBERED_MS = 86_400_000
const FIRST_RATE_MS = 600_000
/** Space is low below this many bytes … */
const LOW_BYTES = 512 * 1024 * 1024
/** … or when it lasts less than this long at the current growth rate. */
const LOW_SECONDS = 7 * 86_400
const LAST_BYTES = 64 * 1024 * 1024
const LAST_SECONDS = 86_400
/** How often the warning is repeated while space is low. */
const AGAIN_MS = 86_400_000

interface Growth {
  readonly atMs: number
  readonly bytes: number
}

/** Warns before the disk is full. On a full disk nothing can be recorded, and so nothing can be issued. */
export class DiskWatch implements Disposable {
  readonly #deps: DiskWatchDeps
  readonly #startedMs: number
  readonly #growth: Growth[] = []
  #usedBytes: number
  #room: number | undefined
  #saidMs: number | undefined
  #saidLast = false
  #timer: Scheduled | undefined
  #closed = false

  constructor(deps: DiskWatchDeps) {
    this.#deps = deps
    this.#startedMs = deps.clock.monotonicMs()
    this.#usedBytes = usedOf(deps.space())
    const { metrics } = deps
    metrics.collected('audit_database_bytes', 'Length of the database file', () => deps.space().bytes)
    metrics.collected('audit_disk_room_bytes', 'Bytes by which the audit log can still grow', () =>
      this.#room === undefined ? [] : this.#room,
    )
    metrics.collected(
      'audit_disk_seconds_left',
      'How long that room lasts at the growth rate of the last day',
      () => (this.#secondsLeft === undefined ? [] : this.#secondsLeft),
    )
    void this.look()
  }

  /** Measures, and logs a warning when little space is left. */
  async look(): Promise<void> {
    const { clock, logger, space, freeBytes } = this.#deps
    try {
      const now = space()
      const nowMs = clock.monotonicMs()
      const used = usedOf(now)
      // A drop means that rows were archived; it does not count as negative growth.
      if (used > this.#usedBytes) this.#growth.push({ atMs: nowMs, bytes: used - this.#usedBytes })
      this.#usedBytes = used
      while ((this.#growth[0]?.atMs ?? nowMs) < nowMs - REMEMBERED_MS) this.#growth.shift()
      this.#room = (await freeBytes()) + now.reusableBytes
      this.#say(this.#room)
    } catch (error) {
      logger.warn({ error: messageOf(error) }, 'cannot see how full the disk is')
    }
    if (!this.#closed) this.#timer = clock.schedule(LOOK_MS, () => void this.look())
  }

  [Symbol.dispose](): void {
    this.#closed = true
    this.#timer?.cancel()
  }

  get #secondsLeft(): number | undefined {
    const sinceMs = Math.min(REMEMBERED_MS, this.#deps.clock.monotonicMs() - this.#startedMs)
    const grown = this.#growth.reduce((sum, { bytes }) => sum + bytes, 0)
    if (this.#room === undefined || grown === 0 || sinceMs < FIRST_RATE_MS) return undefined
    return Math.round((this.#room / grown) * (sinceMs / 1000))
  }

  #say(room: number): void {
    const { clock, logger } = this.#deps
    const secondsLeft = this.#secondsLeft
    const isLow = room < LOW_BYTES || (secondsLeft ?? LOW_SECONDS) < LOW_SECONDS
    const isLast = room < LAST_BYTES || (secondsLeft ?? LAST_SECONDS) < LAST_SECONDS
    if (!isLow) {
      this.#saidMs = undefined
      this.#saidLast = false
      return
    }
    const isSaid = this.#saidMs !== undefined && clock.monotonicMs() - this.#saidMs < AGAIN_MS
    if (isSaid && (this.#saidLast || !isLast)) return
    this.#saidMs = clock.monotonicMs()
    this.#saidLast = isLast
    const lasts = secondsLeft === undefined ? {} : { hoursLeft: Math.floor(secondsLeft / 3_600) }
    const facts = { roomBytes: room, ...lasts }
    if (isLast)
      logger.error(
        { event: 'audit.disk_low', ...facts },
        'the disk of the audit log is nearly full: without room for it nothing is issued',
      )
    else
      logger.warn(
        { event: 'audit.disk_low', ...facts },
        'the disk of the audit log fills up: make room, or archive',
      )
  }
}

function usedOf({ bytes, reusableBytes }: SpaceInFile): number {
  return bytes - reusableBytes
}
