import { formatInstant } from '../../../foundation/instant.ts'
import type { AuditEvent__Output } from '../../../rpc/gen/signet/v1/AuditEvent.ts'
import type { TraceSvidResponse__Output } from '../../../rpc/gen/signet/v1/TraceSvidResponse.ts'
import { type Command, withJson } from '../../command.ts'
import { type AuthorityOptions, connectAuthority, withAuthority } from '../../connections.ts'
import { formatSeconds, formatTimestamp } from '../../instant.ts'
import { formatFields, formatTable, print, printJson } from '../../output.ts'
import { describe } from './list.ts'

type Options = AuthorityOptions & { readonly json?: boolean }

/** Long, because the authority reads every record. */
const DEADLINE_MS = 600_000

interface Times {
  readonly count: number
  readonly firstMs: number
  readonly lastMs: number
}

interface Issued {
  readonly spiffeId: string
  readonly workloadIdentity: string
  readonly notAfter: number
  readonly jti?: string
  readonly serial?: string
  readonly audience?: readonly string[]
  readonly occasion?: 'call' | 'renewal'
  readonly holders?: number
  readonly askedMs?: number
  readonly attributes: { readonly workload?: { readonly unix?: Readonly<Record<string, unknown>> } }
}

interface DeliveredDetail extends Times {
  readonly uid: number
  readonly processes: readonly (Times & { pid: number; binaryPath?: string; startedMs: number })[]
  readonly others?: Times
  readonly adjusted?: boolean
}

export function define(command: Command): void {
  withJson(withAuthority(command))
    .positional('<jti-or-serial>', 'of the SVID; `signet svid inspect` shows it')
    .note(
      'What was issued is recorded by the authority; to whom it was delivered is the word of the agent. Rows in archives are not looked at. Write -- before a name that begins with a dash.',
    )
    .action(trace)
    .example('signet audit trace 3q2-7wAAAAAAAAAAAAAAAA')
}

async function trace(name: string, options: Options): Promise<void> {
  using client = connectAuthority(options)
  const found = await client.unary<object, TraceSvidResponse__Output>(
    'signet.v1.AdminService',
    'TraceSvid',
    { name },
    { deadlineMs: DEADLINE_MS },
  )
  const { issued, delivered, givenUp, isCut } = found
  if (issued === null) return
  if (options.json) {
    return printJson({
      issued: describe(issued),
      delivered: delivered.map(describe),
      givenUp: givenUp.map(describe),
      isCut,
    })
  }
  print(formatIssued(issued))
  print(formatDelivered(delivered))
  const lost = givenUp.reduce((sum, { detailJson }) => sum + (JSON.parse(detailJson) as Times).count, 0)
  if (lost > 0)
    print(`The agent had to give up ${lost} other reports since: of some deliveries nobody knows.`)
  if (delivered.some(({ detailJson }) => (JSON.parse(detailJson) as DeliveredDetail).adjusted === true))
    print('Some times or counts were impossible and were corrected: the agent has a wrong clock, or lies.')
  if (isCut)
    print('There are more rows than fit into one answer: see signet audit list --event svid.delivered.')
}

function formatIssued({ time, actor, detailJson }: AuditEvent__Output): string {
  const issued = JSON.parse(detailJson) as Issued
  const { pid, uid, binary_path: path, started_at: started } = issued.attributes.workload?.unix ?? {}
  const process = [
    `uid ${uid ?? '?'}`,
    `pid ${pid ?? '?'}`,
    ...(path === undefined ? [] : [String(path)]),
    ...(started === undefined ? [] : [`started ${formatInstant(Date.parse(String(started)))}`]),
  ]
  return formatFields({
    'SPIFFE ID': issued.spiffeId,
    'workload identity': issued.workloadIdentity,
    jti: issued.jti,
    serial: issued.serial,
    audience: issued.audience?.join(', '),
    issued: formatTimestamp(time),
    expires: formatSeconds(issued.notAfter),
    to: actor,
    'asked for': process.join(', '),
    because: becauseOf(issued),
  })
}

function becauseOf({ occasion, holders = 0, askedMs }: Issued): string | undefined {
  if (occasion === 'call') return 'the process asked'
  if (occasion !== 'renewal') return undefined
  if (holders > 0) return `the agent renewed it: ${holders} streams held it open, one of them this process`
  return `the agent renewed it: this process asked last${askedMs === undefined ? '' : `, at ${formatInstant(askedMs)}`}`
}

function formatDelivered(rows: readonly AuditEvent__Output[]): string {
  const lines = rows.flatMap(({ detailJson }) => {
    const { uid, processes, others } = JSON.parse(detailJson) as DeliveredDetail
    const named = processes.map((process) => [
      String(uid),
      String(process.pid),
      formatInstant(process.startedMs),
      ...times(process),
      process.binaryPath ?? '',
    ])
    return others === undefined ? named : [...named, [String(uid), '(others)', '', ...times(others), '']]
  })
  if (lines.length === 0) return '\nNo delivery was reported.'
  return `\n${formatTable(['UID', 'PID', 'STARTED', 'FIRST', 'LAST', 'TIMES', 'EXECUTABLE'], lines)}`
}

function times({ firstMs, lastMs, count }: Times): string[] {
  return [formatInstant(firstMs), formatInstant(lastMs), String(count)]
}
