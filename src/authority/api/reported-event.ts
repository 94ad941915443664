import { CodedError } from '../../foundation/errors.ts'
import type { DeliveredSvid__Output } from '../../rpc/gen/signet/v1/DeliveredSvid.ts'
import type { ReportedEvent__Output } from '../../rpc/gen/signet/v1/ReportedEvent.ts'
import type { ReportedProcess__Output } from '../../rpc/gen/signet/v1/ReportedProcess.ts'
import type { ReportedTimes__Output } from '../../rpc/gen/signet/v1/ReportedTimes.ts'
import type { Actor, AuditEntry, AuditedProcess, AuditedSvid, AuditedTimes } from '../audit/events.ts'
import type { Plausible } from '../audit/plausible.ts'

/** The report of an agent is malformed. */
export class ReportInvalidError extends CodedError {
  override readonly name = 'ReportInvalidError'
  readonly code = 'ERR_REPORT_INVALID'
  readonly kind = 'invalid_argument'
}

const MAX_PROCESSES = 32
const MAX_SVIDS = 64
/** Longest path that is kept; the kernel allows 4096 bytes. */
const MAX_PATH_LENGTH = 1_024
/** Longest row; agents split longer reports. */
const MAX_ROW_LENGTH = 16_384
/** The kernel's highest pid (PID_MAX_LIMIT). */
const MAX_PID = 4_194_304
/** The kernel's value for "no user or group": (uid_t)-1. */
const NO_ID = 0xffff_ffff

const REASON = /^[a-z][a-z_]{0,63}$/
const SERIAL = /^[0-9a-f]{1,40}$/
const JTI = /^[\w-]{1,64}$/
const SPIFFE_ID = /^spiffe:\/\/[!-~]{1,2039}$/

/**
 * Turns an agent's report into an audit row. Unknown or malformed fields are refused. Impossible
 * times and counts, which a wrong clock causes, are corrected and marked.
 *
 * @throws ReportInvalidError
 */
export function toEntry(
  subject: { readonly bot: string; readonly botInstance: string },
  actor: Actor,
  event: ReportedEvent__Output,
  plausible: Plausible,
): AuditEntry {
  const { denied, delivered } = event
  const uid = readId(event.uid)
  const processes = bounded(event.processes, MAX_PROCESSES).map((each) => readProcess(each, plausible))
  const others = event.others === null ? undefined : readTimes(event.others, plausible)
  const all = sum(others === undefined ? processes : [...processes, others])
  const seen = { ...subject, uid, ...all, processes, ...(others && { others }), ...plausible.mark }
  let entry: AuditEntry
  if (denied) entry = { event: 'identity.denied', actor, detail: { ...seen, reason: reasonOf(denied) } }
  else if (delivered) {
    const svids = bounded(delivered.svids, MAX_SVIDS).map(readSvid)
    if (svids.length === 0) throw new ReportInvalidError('a delivery without SVIDs')
    entry = { event: 'svid.delivered', actor, detail: { ...seen, svids } }
  } else throw new ReportInvalidError('unknown event')
  if (JSON.stringify(entry.detail).length > MAX_ROW_LENGTH)
    throw new ReportInvalidError('an event is too long')
  return entry
}

/** @throws ReportInvalidError */
export function readTimes(times: ReportedTimes__Output | null, plausible: Plausible): AuditedTimes {
  if (times === null || times.count === 0) throw new ReportInvalidError('not a time')
  return plausible.times(times.count, Number(times.firstMs), Number(times.lastMs))
}

function readProcess(process: ReportedProcess__Output, plausible: Plausible): AuditedProcess {
  const { pid, binaryPath, startedMs, times } = process
  if (pid < 1 || pid > MAX_PID) throw new ReportInvalidError('not a process')
  const path = binaryPath === '' ? {} : { binaryPath: binaryPath.slice(0, MAX_PATH_LENGTH) }
  const started = { startedMs: plausible.begun(Number(startedMs)) }
  return { pid, gid: readId(process.gid), ...path, ...started, ...readTimes(times, plausible) }
}

/** Reads a user or group ID. */
function readId(id: number): number {
  if (id === NO_ID) throw new ReportInvalidError('not a user or a group')
  return id
}

function readSvid({ spiffeId, serial, jti }: DeliveredSvid__Output): AuditedSvid {
  if (!SPIFFE_ID.test(spiffeId)) throw new ReportInvalidError('not a SPIFFE ID')
  if (serial !== undefined && SERIAL.test(serial)) return { spiffeId, serial }
  if (jti !== undefined && JTI.test(jti)) return { spiffeId, jti }
  throw new ReportInvalidError('neither a serial number nor a jti')
}

function reasonOf({ reason }: { readonly reason: string }): string {
  if (REASON.test(reason)) return reason
  throw new ReportInvalidError('not a reason')
}

function sum(all: readonly AuditedTimes[]): AuditedTimes {
  const [first] = all
  if (first === undefined) throw new ReportInvalidError('an event without a process')
  let { count, firstMs, lastMs } = first
  for (const each of all.slice(1)) {
    count += each.count
    firstMs = Math.min(firstMs, each.firstMs)
    lastMs = Math.max(lastMs, each.lastMs)
  }
  return { count, firstMs, lastMs }
}

function bounded<T>(list: readonly T[], most: number): readonly T[] {
  if (list.length > most) throw new ReportInvalidError(`at most ${most} in one list`)
  return list
}
