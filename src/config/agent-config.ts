import path from 'node:path'
import { z } from 'zod'
import { readSingleDocument } from './config-file.ts'
import { InvalidConfigError } from './errors.ts'
import { address, count, duration, filePath, logLevel, pin, resourceName, size } from './fields.ts'
import {
  baseOf,
  dataDirectory,
  keyDirectory,
  liesInside,
  resolveSource,
  runtimeDirectory,
  surroundings,
} from './places.ts'
import { type SecretSource, secretSourceSchema } from './secret-source.ts'
import { checkSocketPath } from './socket-path.ts'

/** What `signet agent run` needs to know; durations in seconds, sizes in bytes, paths absolute. */
export interface AgentConfig {
  readonly version: 1
  readonly authority: { readonly address: string; readonly pin: string }
  readonly join: {
    readonly token: string
    readonly method: 'secret'
    readonly secret_path?: string
    readonly secret?: SecretSource
  }
  readonly data_dir: string
  readonly state_key: SecretSource
  readonly workload_api: {
    readonly socket: string
    readonly max_connections: number
    readonly max_connections_per_uid: number
    readonly max_streams_per_connection: number
    readonly max_identities_per_caller: number
  }
  readonly admin: { readonly socket: string }
  readonly metrics?: { readonly listen: string }
  readonly log: { readonly level: string }
  readonly attestation: { readonly digest_max_bytes: number; readonly digest_timeout: number }
}

export const agentConfigSchema = z.strictObject({
  version: z.literal(1).describe('of this file format'),
  authority: z.strictObject({
    address: address.describe('where the authority listens'),
    pin: pin.describe('SHA-256 of the public key of its root'),
  }),
  join: z.strictObject({
    token: resourceName.describe('name of the join token'),
    method: z.literal('secret').default('secret').describe('how the agent proves that it may join'),
    secret_path: filePath
      .exactOptional()
      .describe('file with the secret, mode 0600; needed to join, not afterwards'),
    secret: secretSourceSchema
      .exactOptional()
      .describe('the same from elsewhere; not together with `secret_path`'),
  }),
  data_dir: filePath
    .exactOptional()
    .describe(
      'mode 0700; default `/var/lib/signet/agent` for root, `~/.local/state/signet/agent` for others',
    ),
  state_key: secretSourceSchema
    .exactOptional()
    .describe(
      'seals what the agent keeps over a restart; default `/etc/signet/agent-state-key` for root, `~/.config/signet/agent-state-key` for others',
    ),
  workload_api: z
    .strictObject({
      socket: filePath
        .exactOptional()
        .describe('default `/run/signet/agent.sock` for root, in `$XDG_RUNTIME_DIR/signet` for others'),
      max_connections: count(1_000_000).default(16_384).describe('more are closed at once'),
      max_connections_per_uid: count(1_000_000).default(10_000).describe('of one user'),
      max_streams_per_connection: count(100_000).default(128).describe('calls open at once'),
      max_identities_per_caller: count(10_000)
        .default(100)
        .describe('of more the first by name are delivered, and it is logged'),
    })
    .prefault({}),
  admin: z
    .strictObject({
      socket: filePath.exactOptional().describe('default: `agent-admin.sock` beside the other'),
    })
    .prefault({}),
  metrics: z
    .strictObject({ listen: address.describe('serves `/livez`, `/readyz`, `/metrics`') })
    .exactOptional(),
  log: z
    .strictObject({
      level: logLevel.default('info').describe('of what is logged, as JSON lines on standard error'),
    })
    .prefault({}),
  attestation: z
    .strictObject({
      digest_max_bytes: size.prefault('512MiB').describe('of a larger executable there is no digest'),
      digest_timeout: duration('100ms', '60s')
        .prefault('10s')
        .describe('for making a digest; without it rules on the digest do not match'),
    })
    .prefault({}),
})

/** Reads `agent.yaml`. Every mistake is reported, each with its line. */
export function parseAgentConfig(text: string, fileName: string): AgentConfig {
  const { document, data } = readSingleDocument(agentConfigSchema, text, fileName)
  const here = surroundings()
  const base = baseOf(fileName)
  const data_dir = path.resolve(base, data.data_dir ?? path.join(dataDirectory(here), 'agent'))
  const state_key = resolveSource(
    base,
    data.state_key ?? { path: path.join(keyDirectory(here), 'agent-state-key') },
  )
  const socket = path.resolve(
    base,
    data.workload_api.socket ?? path.join(runtimeDirectory(here), 'agent.sock'),
  )
  const adminSocket = path.resolve(
    base,
    data.admin.socket ?? path.join(path.dirname(socket), 'agent-admin.sock'),
  )
  const problems = [
    ...checkSocketPath(document, ['workload_api', 'socket'], socket),
    ...checkSocketPath(document, ['admin', 'socket'], adminSocket),
  ]
  if (liesInside(data_dir, state_key)) {
    problems.push(
      document.problem(['state_key'], 'lies inside data_dir: a backup of the data would carry its own key'),
    )
  }
  if (data.join.secret_path !== undefined && data.join.secret !== undefined) {
    problems.push(document.problem(['join', 'secret'], 'give secret_path or secret, not both'))
  }
  if (problems.length > 0) throw new InvalidConfigError(problems)
  return {
    ...data,
    join: {
      ...data.join,
      ...(data.join.secret_path === undefined
        ? {}
        : { secret_path: path.resolve(base, data.join.secret_path) }),
      ...(data.join.secret === undefined ? {} : { secret: resolveSource(base, data.join.secret) }),
    },
    data_dir,
    state_key,
    workload_api: { ...data.workload_api, socket },
    admin: { socket: adminSocket },
  }
}
