import type { EnvoyInbound, EnvoyOutbound, EnvoySidecar } from '../../../config/envoy/sidecar.ts'
import { messageOf } from '../../../foundation/errors.ts'
import { SpiffeId } from '../../../spiffe/spiffe-id.ts'
import { type WorkloadOptions, workloadSocket } from '../../connections.ts'
import { UsageError } from '../../errors.ts'
import { checkPath, parseListenAddress, parseTargetAddress } from './address.ts'

export interface SidecarOptions extends WorkloadOptions {
  readonly service: string
  readonly upstream?: string
  readonly upstreamAddress?: string
  readonly downstream: readonly string[]
  readonly listen?: string
  readonly localApp?: string
  readonly outboundListen?: string
  readonly only?: 'inbound' | 'outbound'
  readonly admin?: string
  readonly tcp?: boolean
  readonly delta?: boolean
}

/** The default socket of an agent that runs as root, for the whole host. */
export const usualSocket = '/run/signet/agent.sock'

const SERVICE = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/
const DEFAULT_SECRET = 'default'
const PORT_OF_OTHERS = 8443

/** Validates the flags. @throws UsageError */
export function sidecarFrom(options: SidecarOptions): EnvoySidecar {
  const outbound = outboundOf(options)
  const inbound = inboundOf(options)
  if (inbound === undefined && outbound === undefined) {
    throw new UsageError('give --upstream, --downstream or both: whom it calls, and who may call it')
  }
  const { admin = '127.0.0.1:9901' } = options
  return {
    ...serviceOf(options.service),
    agentSocket: checkPath('--socket', workloadSocket(options)),
    delta: options.delta ?? false,
    tcp: options.tcp ?? false,
    ...(admin === 'none' ? {} : { admin: parseListenAddress('--admin', admin) }),
    ...(inbound && { inbound }),
    ...(outbound && { outbound }),
  }
}

function serviceOf(text: string): Pick<EnvoySidecar, 'service' | 'certificate'> {
  if (text.includes('://')) {
    const id = parseMemberId('--service', text)
    return { service: id.path.slice(1), certificate: String(id) }
  }
  if (!SERVICE.test(text)) {
    throw new UsageError(
      '--service: expected a SPIFFE ID, or 1 to 63 letters, digits, dots, dashes, underscores',
    )
  }
  return { service: text, certificate: DEFAULT_SECRET }
}

function inboundOf(options: SidecarOptions): EnvoyInbound | undefined {
  const { listen, localApp, only, upstream, downstream } = options
  const isSaid = downstream.length > 0
  const [flag, callers] = isSaid ? ['--downstream', downstream] : ['--upstream', upstream ? [upstream] : []]
  if (only === 'outbound' || callers.length === 0) {
    refuse(
      { '--downstream': isSaid || undefined, '--listen': listen, '--local-app': localApp },
      'lets nobody in',
    )
    return undefined
  }
  return {
    listen: parseListenAddress('--listen', listen ?? '0.0.0.0:8443'),
    app: parseTargetAddress('--local-app', localApp ?? '127.0.0.1:8080'),
    callers: [...new Set(callers)].map((id) => parseMemberId(flag, id)),
  }
}

function outboundOf({
  upstream,
  upstreamAddress,
  outboundListen,
  only,
}: SidecarOptions): EnvoyOutbound | undefined {
  if (upstream === undefined || only === 'inbound') {
    refuse({ '--upstream-address': upstreamAddress, '--outbound-listen': outboundListen }, 'calls nobody')
    return undefined
  }
  const id = parseMemberId('--upstream', upstream)
  const name = id.path.slice(id.path.lastIndexOf('/') + 1)
  return {
    listen: parseListenAddress('--outbound-listen', outboundListen ?? '127.0.0.1:8081'),
    upstream: id,
    address: parseTargetAddress('--upstream-address', upstreamAddress ?? `${name}:${PORT_OF_OTHERS}`),
  }
}

/** Refuses flags that would have no effect, because they are a misunderstanding. */
function refuse(flags: Readonly<Record<string, unknown>>, why: string): void {
  for (const [flag, value] of Object.entries(flags)) {
    if (value !== undefined) throw new UsageError(`${flag} has no meaning for a proxy that ${why}`)
  }
}

/** Parses the SPIFFE ID of a service, which needs a path. */
function parseMemberId(flag: string, text: string): SpiffeId {
  let id: SpiffeId
  try {
    id = SpiffeId.parse(text)
  } catch (error) {
    throw new UsageError(`${flag}: ${messageOf(error)}`, { cause: error })
  }
  if (id.path === '') throw new UsageError(`${flag}: ${text} is a trust domain, and no service of it`)
  return id
}
