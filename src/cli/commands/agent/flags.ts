import path from 'node:path'
import {
  agentDataDirectory,
  keyDirectory,
  runtimeDirectory,
  type Surroundings,
} from '../../../config/places.ts'
import type { Command } from '../../command.ts'

/** Flags of `agent run` that stand for lines of agent.yaml. */
const FLAGS = {
  authority: ['--authority <host:port>', 'where the authority listens; instead of a file'],
  pin: ['--pin <pin>', "sha256:… of the authority's root"],
  token: ['--token <name>', 'name of the join token'],
  secretPath: ['--secret-path <file>', 'file with its secret (default: the variable SIGNET_JOIN_SECRET)'],
  dataDir: ['--data-dir <dir>', 'where the agent keeps its state'],
  stateKey: ['--state-key <file>', 'the key that seals this state, outside of it'],
  socket: ['--socket <path>', 'where the Workload API is served'],
  agentAdminSocket: ['--agent-admin-socket <path>', 'where the admin socket is'],
  metrics: ['--metrics <host:port>', 'where /livez, /readyz and /metrics are served'],
  logLevel: ['--log-level <level>', 'trace, debug, info, warn or error'],
  name: ['--name <name>', 'tells several agents on one host apart: other default places for each'],
} as const satisfies Readonly<Record<string, readonly [spelling: string, description: string]>>

type FlagName = keyof typeof FLAGS

type AgentFlags = { readonly [Name in FlagName]?: string }

export interface Options extends AgentFlags {
  readonly config?: string
  readonly check?: boolean
  readonly untilStdinEnds?: boolean
}

export function withFlags(command: Command): Command {
  command.flag('-c, --config <file>', 'agent.yaml (default: the one in /etc/signet or ~/.config/signet)')
  for (const [spelling, description] of Object.values(FLAGS)) command.flag(spelling, description)
  return command
    .flag('--check', 'check the configuration and end')
    .flag('--until-stdin-ends', '', { isHidden: true })
}

/**
 * Where the secret is read from when no file is named. Other users cannot read the environment,
 * unlike arguments.
 */
export const JOIN_SECRET_VARIABLE = 'SIGNET_JOIN_SECRET'

/** The configuration that the flags say, or undefined when there are none. It is checked like a file. */
export function configFromFlags(flags: AgentFlags, here: Surroundings): object | undefined {
  if (Object.keys(FLAGS).every((name) => flags[name as FlagName] === undefined)) return undefined
  const { authority, pin, token, secretPath, dataDir, stateKey, socket, agentAdminSocket } = flags
  const { metrics, logLevel } = flags
  const places = namedPlaces(flags.name, here)
  const secret = here.environment[JOIN_SECRET_VARIABLE] ? { secret: { env: JOIN_SECRET_VARIABLE } } : {}
  return {
    version: 1,
    authority: { ...(authority && { address: authority }), ...(pin && { pin }) },
    join: { ...(token && { token }), ...(secretPath ? { secret_path: secretPath } : secret) },
    data_dir: dataDir ?? places?.data_dir,
    state_key: stateKey === undefined ? places?.state_key : { path: stateKey },
    workload_api: { socket: socket ?? places?.socket },
    admin: { socket: agentAdminSocket },
    metrics: metrics === undefined ? undefined : { listen: metrics },
    log: { level: logLevel },
  }
}

/** The default paths of an agent with a name of its own. */
function namedPlaces(
  name: string | undefined,
  here: Surroundings,
): { data_dir: string; state_key: { path: string }; socket: string } | undefined {
  if (name === undefined) return undefined
  return {
    data_dir: agentDataDirectory(here, name),
    state_key: { path: path.join(keyDirectory(here), `agent-${name}-state-key`) },
    socket: path.join(runtimeDirectory(here), name, 'agent.sock'),
  }
}
