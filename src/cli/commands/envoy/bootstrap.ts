import { envoyBootstrap } from '../../../config/envoy/bootstrap.ts'
import { formatEnvoyBootstrap } from '../../../config/envoy/format-bootstrap.ts'
import type { EnvoySidecar } from '../../../config/envoy/sidecar.ts'
import { type Command, withJson } from '../../command.ts'
import { withWorkloadApi } from '../../connections.ts'
import { print, printJson } from '../../output.ts'
import { type SidecarOptions, sidecarFrom, usualSocket } from './sidecar-options.ts'

export function define(command: Command): void {
  withJson(withWorkloadApi(command))
    .flag(
      '--service <name>',
      'the service it stands for: a name, or the SPIFFE ID to ask for (default: the first there is)',
      { isRequired: true },
    )
    .flag('--upstream <id>', 'SPIFFE ID of the service that it calls')
    .flag(
      '--upstream-address <address>',
      'where that one listens (default: the last segment of its ID, port 8443)',
    )
    .flag('--downstream <id>', 'SPIFFE ID of who may call it (default: the upstream)', { isList: true })
    .flag('--listen <address>', 'where the others call (default: 0.0.0.0:8443)')
    .flag('--local-app <address>', 'where the program beside it listens (default: 127.0.0.1:8080)')
    .flag('--outbound-listen <address>', 'where that program calls the upstream (default: 127.0.0.1:8081)')
    .flag('--only <half>', 'one half: callers come in, or the program calls out', {
      choices: ['inbound', 'outbound'],
    })
    .flag('--admin <address>', "Envoy's admin interface, or none (default: 127.0.0.1:9901)")
    .flag('--tcp', 'hand bytes on instead of HTTP requests')
    .flag('--delta', 'ask the agent for changes (DeltaSecrets) instead of the state of the world')
    .note(
      'Addresses are host:port or unix:/path. Start it as the user whose workload identity it is to have, and several on one ' +
        'host without sharing: envoy --use-dynamic-base-id -c FILE',
    )
    .action(bootstrap)
    .example(
      'signet envoy bootstrap --service web --upstream spiffe://example.org/api > web.yaml',
      'signet envoy bootstrap --service api --downstream spiffe://example.org/web --delta > api.yaml',
    )
}

function bootstrap(options: SidecarOptions & { readonly json?: boolean }): void {
  const sidecar = sidecarFrom(options)
  const configuration = envoyBootstrap(sidecar)
  if (options.json) printJson(configuration)
  else print(formatEnvoyBootstrap(configuration, heading(sidecar, options)))
}

function heading(sidecar: EnvoySidecar, options: SidecarOptions): readonly string[] {
  const { service, inbound, outbound } = sidecar
  const halves = [
    ...(inbound ? [`lets in ${inbound.callers.join(', ')}`] : []),
    ...(outbound ? [`calls ${outbound.upstream}`] : []),
  ]
  return [
    `The Envoy beside ${service}: ${halves.join(', and ')}.`,
    'Certificate and trust bundle come from the agent by SDS, and are replaced while it runs.',
    `Made by: ${commandOf(sidecar, options)}`,
  ]
}

/** The command that prints the same configuration anywhere. */
function commandOf({ agentSocket }: EnvoySidecar, options: SidecarOptions): string {
  const flag = (name: string, value: string | undefined): string[] =>
    value === undefined ? [] : [name, quoted(value)]
  const { upstream, upstreamAddress, downstream, listen, localApp, outboundListen, only } = options
  return [
    'signet envoy bootstrap',
    ...flag('--service', options.service),
    ...flag('--upstream', upstream),
    ...flag('--upstream-address', upstreamAddress),
    ...downstream.flatMap((id) => flag('--downstream', id)),
    ...flag('--listen', listen),
    ...flag('--local-app', localApp),
    ...flag('--outbound-listen', outboundListen),
    ...flag('--only', only),
    ...flag('--admin', options.admin),
    ...(options.tcp ? ['--tcp'] : []),
    ...(options.delta ? ['--delta'] : []),
    ...(agentSocket === usualSocket ? [] : flag('--socket', `unix://${encodeURI(agentSocket)}`)),
  ].join(' ')
}

/** Quotes a word for a shell. */
function quoted(word: string): string {
  return /^[\w%+,./:=@-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`
}
