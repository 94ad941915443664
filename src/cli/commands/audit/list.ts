import type { ChainedAuditRow } from '../../../authority/datastore/ports.ts'
import type { AuditEvent__Output } from '../../../rpc/gen/signet/v1/AuditEvent.ts'
import { fromTimestamp, type TimestampMessage, toTimestamp } from '../../../rpc/timestamp.ts'
import { type Command, withJson } from '../../command.ts'
import { type AuthorityOptions, connectAuthority, withAuthority } from '../../connections.ts'
import { UsageError } from '../../errors.ts'
import { formatTimestamp } from '../../instant.ts'
import { formatJson, JsonListPrinter, printLine } from '../../output.ts'
import { findArchives, withArchives } from './archives.ts'
import { EVENT_HEADING, formatEvent } from './format-event.ts'
import { parseSince } from './since.ts'

interface Options extends AuthorityOptions {
  readonly event: readonly string[]
  readonly ref?: string
  readonly since?: string
  readonly limit?: string
  readonly follow?: boolean
  readonly archive: readonly string[]
  readonly json?: boolean
}

interface Request {
  readonly events: readonly string[]
  readonly ref: string
  readonly since: TimestampMessage | null
  readonly limit: number
  readonly follow: boolean
}

const MAX_SHOWN_LENGTH = 4_096

export function define(command: Command): void {
  withArchives(withJson(withAuthority(command)), 'what is in this archive, instead')
    .flag('--event <name>', 'only this event, or all that begin so: join.*', {
      isList: true,
      names: 'event',
    })
    .flag('--ref <reference>', 'what a refused caller was told')
    .flag('--since <when>', 'a duration ago, such as 1h, or an instant')
    .flag('--limit <number>', 'the newest so many (default: all)')
    .flag('--follow', 'stay and print what comes; with --json one event a line')
    .action(listEvents)
    .example('signet audit list --event "join.*" --since 1h', 'signet audit list --ref 7F3K')
}

async function listEvents(options: Options): Promise<void> {
  const limit = Number(options.limit ?? 0)
  if (!Number.isInteger(limit) || limit < 0) throw new UsageError('--limit: expected a whole number')
  if (options.archive.length > 0 && options.follow === true)
    throw new UsageError('--follow: nothing comes into an archive any more')
  const request: Request = {
    events: options.event,
    ref: options.ref ?? '',
    since: options.since === undefined ? null : parseSince('--since', options.since),
    limit,
    follow: options.follow === true,
  }
  const list = options.json === true && !request.follow ? new JsonListPrinter() : undefined
  const show = (event: AuditEvent__Output): void => {
    if (list) list.add(describe(event))
    else printLine(options.json === true ? formatJson(describe(event), 0) : formatEvent(event))
  }
  if (options.json !== true) printLine(EVENT_HEADING)
  if (options.archive.length === 0) await listFromAuthority(options, request, show)
  else await listArchives(await findArchives(options.archive), request, show)
  list?.end()
}

async function listFromAuthority(
  options: Options,
  request: Request,
  show: (event: AuditEvent__Output) => void,
): Promise<void> {
  using client = connectAuthority(options)
  const pages = client.stream<object, { events: AuditEvent__Output[] }>(
    'signet.v1.AdminService',
    'ListAuditEvents',
    request,
  )
  for await (const { events } of pages) for (const event of events) show(event)
}

/** Lists archives in the given order. A limit applies to all of them together, and keeps the last events. */
async function listArchives(
  files: readonly string[],
  request: Request,
  show: (event: AuditEvent__Output) => void,
): Promise<void> {
  const { readArchive } = await import('../../../authority/audit/archive/archive-file.ts')
  const { matches } = await import('../../../authority/audit/audit-query.ts')
  const { checkEvents } = await import('../../../authority/audit/event-names.ts')
  const since = fromTimestamp(request.since)
  const sinceMs = since === undefined ? {} : { sinceMs: since }
  const filter = { events: checkEvents(request.events), ref: request.ref, ...sinceMs }
  const last: AuditEvent__Output[] = []
  for (const file of files) {
    for await (const line of readArchive(file)) {
      if (!('row' in line) || !matches(filter, line.row)) continue
      const event = toEvent(line.row)
      if (request.limit === 0) show(event)
      else if (last.push(event) > request.limit) last.shift()
    }
  }
  for (const event of last) show(event)
}

function toEvent({ sequence, time_ms: ms, event, actor, ref, detail, hash }: ChainedAuditRow) {
  const time = toTimestamp(ms)
  const detailJson = detail
  return {
    sequence: String(sequence),
    time,
    event,
    actor,
    ref: ref ?? '',
    detailJson,
    hash: Buffer.from(hash),
  }
}

export function describe(event: AuditEvent__Output): object {
  const { sequence, time, event: name, actor, ref, detailJson, hash } = event
  return {
    sequence: Number(sequence),
    time: formatTimestamp(time),
    event: name,
    actor,
    ...(ref ? { ref } : {}),
    detail: readDetail(detailJson),
    hash: hash.toString('hex'),
  }
}

/**
 * Parses the detail of an event. A manipulated record may hold anything, so an unreadable detail is
 * shown as text.
 */
function readDetail(detailJson: string): unknown {
  try {
    return JSON.parse(detailJson || '{}')
  } catch {
    return { unreadable: detailJson.slice(0, MAX_SHOWN_LENGTH) }
  }
}
