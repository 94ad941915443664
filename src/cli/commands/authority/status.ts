import type { Command } from 'commander'
import type { GetStatusResponse__Output } from '../../../rpc/gen/signet/v1/GetStatusResponse.ts'
import { withExample, withJson } from '../../command.ts'
import { type AuthorityOptions, connectAuthority, withAuthority } from '../../connections.ts'
import { formatTimestamp } from '../../instant.ts'
import { formatFields, print, printJson } from '../../output.ts'

export function define(command: Command): void {
  withExample(withJson(withAuthority(command)).action(status), 'signet authority status')
}

async function status(options: AuthorityOptions & { readonly json?: boolean }): Promise<void> {
  using client = connectAuthority(options)
  const found = await client.unary<object, GetStatusResponse__Output>(
    'signet.v1.AdminService',
    'GetStatus',
    {},
  )
  const started = formatTimestamp(found.started)
  if (options.json)
    return printJson({ ...found, started, workloadIdentities: Number(found.workloadIdentities) })
  print(
    formatFields({
      'trust domain': found.trustDomain,
      version: found.version,
      started,
      listen: found.listen,
      'public address': found.publicAddress || undefined,
      pin: found.pin,
      'connected agents': String(found.connectedAgents),
      'workload identities': found.workloadIdentities,
    }),
  )
}
