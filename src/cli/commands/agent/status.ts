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
import { formatFields, print, printJson } from '../../output.ts'
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
    if (options.wait !== undefined && !(answer.connected && answer.lastSync)) {
      throw new NotReadyError('the agent runs, but is not in sync with its authority: its log says why')
    }
    return answer
  })
  const botIdentityExpires = formatTimestamp(found.botIdentityExpires)
  const lastSync = formatTimestamp(found.lastSync)
  if (options.json) {
    return printJson({
      ...found,
      botIdentityExpires,
      lastSync,
      generation: Number(found.generation),
      clockSkewMs: Number(found.clockSkewMs),
    })
  }
  print(
    formatFields({
      'trust domain': found.trustDomain,
      version: found.version,
      bot: `${found.bot} (instance ${found.botInstanceId}, generation ${found.generation})`,
      'bot identity expires': botIdentityExpires,
      authority: found.connected ? 'connected' : 'not connected',
      'last sync': lastSync ?? 'none yet',
      'clock skew': `${found.clockSkewMs} ms`,
      socket: found.socket,
      'workload identities': String(found.workloadIdentities),
      'cached SVIDs': String(found.cachedSvids),
      'open streams': String(found.openStreams),
    }),
  )
}
