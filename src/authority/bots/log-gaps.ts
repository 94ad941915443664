import type { Clock } from '../../foundation/clock.ts'
import { ulidTimeMs } from '../../foundation/ulid.ts'
import { lastAuditRow } from '../datastore/audit-rows.ts'
import { readMeta, writeMeta } from '../datastore/meta.ts'
import type { Datastore } from '../datastore/ports.ts'

/** From the last row of the audit log to a start of the authority, in Unix milliseconds. */
type Gap = readonly [fromMs: number, untilMs: number]

/** A restored database leaves a long gap, a restart a short one. */
const MAX_KEPT = 32
/** A join may have begun before the last row and have been recorded after it. */
const SLACK_MS = 1_000

/**
 * The times in which this database saw no authority running. The ID of a bot instance holds the time
 * of its join. If that lies in a gap, and its certificate is genuine, another state of this authority
 * let it join: the database was restored from an older backup.
 */
export class LogGaps {
  readonly #gaps: readonly Gap[]

  private constructor(gaps: readonly Gap[]) {
    this.#gaps = gaps
  }

  /** Call it before the first audit row of this start. */
  static async open(datastore: Datastore, clock: Clock): Promise<LogGaps> {
    const stored = parse(await readMeta(datastore, 'log_gaps'))
    const last = await lastAuditRow(datastore)
    const nowMs = clock.now().getTime()
    if (!last || last.time_ms >= nowMs) return new LogGaps(stored)
    const all: Gap[] = [...stored.flatMap((gap) => until(gap, nowMs)), [last.time_ms - SLACK_MS, nowMs]]
    const kept = all.sort((a, b) => lengthOf(b) - lengthOf(a)).slice(0, MAX_KEPT)
    await datastore.transaction((tx) => writeMeta(tx, 'log_gaps', JSON.stringify(kept)))
    return new LogGaps(kept)
  }

  /** Whether the database cannot know of this instance, because it joined in a gap. */
  cover(instanceId: string): boolean {
    const joinedMs = ulidTimeMs(instanceId)
    return this.#gaps.some(([fromMs, untilMs]) => joinedMs >= fromMs && joinedMs < untilMs)
  }
}

function lengthOf([fromMs, untilMs]: Gap): number {
  return untilMs - fromMs
}

/** The clock was ahead at an earlier start if its gap lasts beyond now. It would cover who joins later. */
function until([fromMs, untilMs]: Gap, nowMs: number): Gap[] {
  return fromMs < nowMs ? [[fromMs, Math.min(untilMs, nowMs)]] : []
}

/** The row is sealed: only this authority can have written it. */
function parse(text: string | undefined): Gap[] {
  return text === undefined ? [] : (JSON.parse(text) as Gap[])
}
