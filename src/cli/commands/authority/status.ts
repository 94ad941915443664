import type { GetStatusResponse__Output } from '../../../rpc/gen/signet/v1/GetStatusResponse.ts'
import { type Command, withJson } from '../../command.ts'
import { type AuthorityOptions, connectAuthority, withAuthority } from '../../connections.ts'
import { formatTimestamp } from '../../instant.ts'
import { formatFields, print, printJson } from '../../output.ts'
import { askUntil, type WaitOptions, withWait } from '../../wait.ts'

type Options = AuthorityOptions & WaitOptions & { readonly json?: boolean }

export function define(command: Command): void {
  withWait(withJson(withAuthority(command)), 'until it answers')
    .action(status)
    .example('signet authority status', 'signet authority status --wait 30s')
}

async function status(options: Options): Promise<void> {
  const found = await askUntil(options, async () => {
    using client = connectAuthority(options)
    return await client.unary<object, GetStatusResponse__Output>('signet.v1.AdminService', 'GetStatus', {})
  })
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
