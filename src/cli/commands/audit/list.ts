import type { Command } from 'commander'
import { systemClock } from '../../../foundation/clock.ts'
import { parseDuration } from '../../../foundation/duration.ts'
import type { AuditEvent__Output } from '../../../rpc/gen/signet/v1/AuditEvent.ts'
import { withExample, withJson } from '../../command.ts'
import { type AuthorityOptions, connectAuthority, withAuthority } from '../../connections.ts'
import { UsageError } from '../../errors.ts'
import { formatTimestamp, parseInstant } from '../../instant.ts'
import { print, printable, printJson } from '../../output.ts'

interface Options extends AuthorityOptions {
  readonly event?: string
  readonly ref?: string
  readonly since?: string
  readonly limit?: string
  readonly follow?: boolean
  readonly json?: boolean
}

export function define(command: Command): void {
  withExample(
    withJson(withAuthority(command))
      .option('--event <name>', 'only this event, or all that begin so: join.*')
      .option('--ref <reference>', 'what a refused caller was told')
      .option('--since <when>', 'a duration ago, such as 1h, or an instant')
      .option('--limit <number>', 'the newest so many (default: all)')
      .option('--follow', 'stay and print what comes; with --json one event a line')
      .action(listEvents),
    'signet audit list --event "join.*" --since 1h',
    'signet audit list --ref 7F3K',
  )
}

async function listEvents(options: Options): Promise<void> {
  const limit = Number(options.limit ?? 0)
  if (!Number.isInteger(limit) || limit < 0) throw new UsageError('--limit: expected a whole number')
  const request = {
    event: options.event ?? '',
    ref: options.ref ?? '',
    since: options.since === undefined ? null : parseSince(options.since),
    limit,
    follow: options.follow === true,
  }
  using client = connectAuthority(options)
  const pages = client.stream<object, { events: AuditEvent__Output[] }>(
    'signet.v1.AdminService',
    'ListAuditEvents',
    request,
  )
  const collected: object[] = []
  for await (const { events } of pages) {
    for (const event of events) {
      if (!options.json) print(formatEvent(event))
      else if (options.follow) print(JSON.stringify(describe(event)))
      else collected.push(describe(event))
    }
  }
  if (options.json && !options.follow) printJson(collected)
}

export function describe(event: AuditEvent__Output): object {
  const { sequence, time, event: name, actor, ref, detailJson, hash } = event
  return {
    sequence: Number(sequence),
    time: formatTimestamp(time),
    event: name,
    actor,
    ...(ref ? { ref } : {}),
    detail: JSON.parse(detailJson || '{}'),
    hash: hash.toString('hex'),
  }
}

function formatEvent(event: AuditEvent__Output): string {
  const ref = event.ref ? ` ref=${event.ref}` : ''
  return printable(
    `${event.sequence.padStart(6)} ${formatTimestamp(event.time)} ${event.event} by ${event.actor}${ref} ${event.detailJson}`,
  )
}

function parseDurationAgo(text: string): number {
  try {
    return parseDuration(text)
  } catch (error) {
    const wanted = 'expected a duration such as 1h, or an instant such as 2027-01-01T00:00:00Z'
    throw new UsageError(`--since: ${wanted}`, { cause: error })
  }
}

function parseSince(text: string): { seconds: number; nanos: number } {
  const ms = parseInstant(text) ?? systemClock.now().getTime() - parseDurationAgo(text) * 1000
  return { seconds: Math.floor(ms / 1000), nanos: 0 }
}
