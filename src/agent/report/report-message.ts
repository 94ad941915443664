import type { ReportedEvent } from '../../rpc/gen/signet/v1/ReportedEvent.ts'
import type { ReportedTimes } from '../../rpc/gen/signet/v1/ReportedTimes.ts'
import type { Delivered, DeliveredSvid, SeenTimes } from './delivery-reporter.ts'
import type { NamedProcess, PendingEvent, What } from './pending-reports.ts'

/** The authority's limits per event (api/reported-event.ts), minus some room. */
const MAX_PROCESSES = 32
const MAX_MESSAGE_LENGTH = 6_000
const MAX_SVIDS = 32

/**
 * Splits an event into messages within the limits. Each has the whole event and some of the
 * processes.
 */
export function toMessages({ uid, what, processes, others }: PendingEvent): ReportedEvent[] {
  const events: ReportedEvent[] = []
  const about = whatMessage(what)
  for (const part of parts(processes)) events.push({ uid, processes: part.map(processMessage), ...about })
  if (others !== undefined) {
    const last = events.at(-1)
    if (last === undefined) events.push({ uid, others: timesMessage(others), ...about })
    else last.others = timesMessage(others)
  }
  return events
}

/**
 * Splits a response with many SVIDs into several within the limits. The same response gives the
 * same objects.
 */
export function shortDeliveries(delivered: Delivered): readonly Delivered[] {
  let short = known.get(delivered)
  if (short === undefined) {
    const named = delivered.svids.filter((svid) => 'serial' in svid || svid.jti !== '')
    short = cut(named, MAX_SVIDS, MAX_MESSAGE_LENGTH).map((svids) => ({ svids }))
    known.set(delivered, short)
  }
  return short
}

const known = new WeakMap<Delivered, readonly Delivered[]>()

export function timesMessage({ count, firstMs, lastMs }: SeenTimes): ReportedTimes {
  return { count, firstMs: String(firstMs), lastMs: String(lastMs) }
}

function whatMessage(what: What): Pick<ReportedEvent, 'denied' | 'delivered'> {
  if ('denied' in what) return { denied: { reason: what.denied } }
  return { delivered: { svids: what.delivered.svids.map((svid: DeliveredSvid) => ({ ...svid })) } }
}

function processMessage({ process, times }: NamedProcess): NonNullable<ReportedEvent['processes']>[number] {
  const { pid, gid, binaryPath = '', startedMs } = process
  return { pid, gid, binaryPath, startedMs: String(startedMs), times: timesMessage(times) }
}

function parts(processes: readonly NamedProcess[]): readonly (readonly NamedProcess[])[] {
  return cut(processes, MAX_PROCESSES, MAX_MESSAGE_LENGTH)
}

/**
 * Splits a list into runs of at most `most` items and `longest` characters of JSON. A run has at
 * least one item.
 */
function cut<T>(list: readonly T[], most: number, longest: number): T[][] {
  const runs: T[][] = []
  let room = 0
  for (const each of list) {
    const length = JSON.stringify(each).length
    const run = runs.at(-1)
    if (run === undefined || run.length >= most || room < length) {
      runs.push([each])
      room = longest - length
    } else {
      run.push(each)
      room -= length
    }
  }
  return runs
}
