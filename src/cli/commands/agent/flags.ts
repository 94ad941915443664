import path from 'node:path'
import {
  agentDataDirectory,
  keyDirectory,
  runtimeDirectory,
  type Surroundings,
} from '../../../config/places.ts'

/** Flags of `agent run` that stand for lines of agent.yaml. */
export interface AgentFlags {
  readonly authority?: string
  readonly pin?: string
  readonly token?: string
  readonly secretPath?: string
  readonly dataDir?: string
  readonly stateKey?: string
  readonly socket?: string
  readonly agentAdminSocket?: string
  readonly metrics?: string
  readonly logLevel?: string
  readonly name?: string
}

const FLAGS = [
  'authority',
  'pin',
  'token',
  'secretPath',
  'dataDir',
  'stateKey',
  'socket',
  'agentAdminSocket',
  'metrics',
  'logLevel',
  'name',
] as const satisfies readonly (keyof AgentFlags)[]

/**
 * Where the secret is read from when no file is named. Other users cannot read the environment,
 * unlike arguments.
 */
export const JOIN_SECRET_VARIABLE = 'SIGNET_JOIN_SECRET'

/** The configuration that the flags say, or undefined when there are none. It is checked like a file. */
export function configFromFlags(flags: AgentFlags, here: Surroundings): object | undefined {
  if (FLAGS.every((flag) => flags[flag] === undefined)) return undefined
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
