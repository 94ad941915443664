import type { Command } from 'commander'
import type { AgentAdminServiceGetStatusResponse__Output } from '../../../rpc/gen/signet/v1/AgentAdminServiceGetStatusResponse.ts'
import { withExample, withJson } from '../../command.ts'
import {
  type AgentOptions,
  connectAgent,
  type WorkloadOptions,
  withAgent,
  withWorkloadApi,
} from '../../connections.ts'
import { formatTimestamp } from '../../instant.ts'
import { formatFields, print, printJson } from '../../output.ts'

type Options = AgentOptions & WorkloadOptions & { readonly json?: boolean }

export function define(command: Command): void {
  withExample(withJson(withWorkloadApi(withAgent(command))).action(status), 'signet agent status')
}

async function status(options: Options): Promise<void> {
  using client = connectAgent(options)
  const found = await client.unary<object, AgentAdminServiceGetStatusResponse__Output>(
    'signet.v1.AgentAdminService',
    'GetStatus',
    {},
  )
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
