import type { AgentAdminServiceGetStatusResponse__Output } from '../../../rpc/gen/signet/v1/AgentAdminServiceGetStatusResponse.ts'
import { type Command, withJson } from '../../command.ts'
import {
  type AgentOptions,
  connectAgent,
  type WorkloadOptions,
  withAgent,
  withWorkloadApi,
} from '../../connections.ts'
import { NotReadyError } from '../../errors.ts'
import { formatTimestamp } from '../../instant.ts'
import { formatFields, formatTable, print, printJson } from '../../output.ts'
import { askUntil, type WaitOptions, withWait } from '../../wait.ts'

type Options = AgentOptions & WorkloadOptions & WaitOptions & { readonly json?: boolean }

export function define(command: Command): void {
  const all = withJson(withWorkloadApi(withAgent(command)))
  withWait(all, 'until it has joined and heard from its authority')
    .action(status)
    .example('signet agent status', 'signet agent status --wait 30s')
}

async function status(options: Options): Promise<void> {
  const found = await askUntil(options, async () => {
    using client = connectAgent(options)
    const answer = await client.unary<object, AgentAdminServiceGetStatusResponse__Output>(
      'signet.v1.AgentAdminService',
      'GetStatus',
      {},
    )
    if (options.wait !== undefined && !(answer.connected && answer.ready)) {
      throw new NotReadyError(
        `the agent runs, but: ${answer.reason || 'it is not in sync with its authority'}`,
      )
    }
    return answer
  })
  if (options.json) return printJson(plain(found))
  const { bot, reason, remedy, failedAttempts } = found
  print(
    formatFields({
      state: reason === '' ? found.state : `${found.state}: ${reason}`,
      ...(remedy !== '' && { 'what to do': remedy }),
      ...(failedAttempts > 0 && {
        'failed attempts': `${failedAttempts} since ${formatTimestamp(found.failingSince)}`,
        'next attempt': formatTimestamp(found.nextAttempt) ?? 'none',
      }),
      'trust domain': found.trustDomain || 'not known yet',
      version: found.version,
      bot: bot && `${bot} (instance ${found.botInstanceId}, generation ${found.generation})`,
      'bot identity expires': formatTimestamp(found.botIdentityExpires),
      authority: `${found.authority} (${found.connected ? 'connected' : 'not connected'})`,
      'last sync': formatTimestamp(found.lastSync) ?? 'none yet',
      'clock skew': describeSkew(found),
      socket: found.socket,
      'workload identities': String(found.workloadIdentities),
      'cached SVIDs': String(found.cachedSvids),
      'open streams': String(found.openStreams),
    }),
  )
  if (found.svids.length > 0) print(`\n${formatTable(['X.509-SVID', 'EXPIRES', 'STREAMS'], svidRows(found))}`)
}

/** With this much, each side soon takes certificates of the other for expired or not yet valid. */
const SKEW_MATTERS_MS = 30_000
const ROWS_SHOWN = 20

function describeSkew({ clockSkewMs, clockSkewKnown }: AgentAdminServiceGetStatusResponse__Output): string {
  if (!clockSkewKnown) return 'not known yet'
  const ms = Number(clockSkewMs)
  if (Math.abs(ms) <= SKEW_MATTERS_MS) return `${ms} ms`
  const direction = ms > 0 ? 'ahead of' : 'behind'
  return `${ms} ms: this host is ${direction} the authority, set right whichever clock is wrong`
}

function svidRows({ svids, svidsLeftOut }: AgentAdminServiceGetStatusResponse__Output): string[][] {
  const rows = svids
    .slice(0, ROWS_SHOWN)
    .map(({ spiffeId, expires, streams }) => [spiffeId, formatTimestamp(expires) ?? '', String(streams)])
  const more = svids.length - rows.length + svidsLeftOut
  return more === 0 ? rows : [...rows, [`and ${more} more`, '', '']]
}

function plain(found: AgentAdminServiceGetStatusResponse__Output): object {
  return {
    ...found,
    botIdentityExpires: formatTimestamp(found.botIdentityExpires),
    lastSync: formatTimestamp(found.lastSync),
    failingSince: formatTimestamp(found.failingSince),
    nextAttempt: formatTimestamp(found.nextAttempt),
    generation: Number(found.generation),
    clockSkewMs: Number(found.clockSkewMs),
    svids: found.svids.map((svid) => ({ ...svid, expires: formatTimestamp(svid.expires) })),
  }
}
