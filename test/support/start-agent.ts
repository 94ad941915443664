import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { type AgentDeps, type RunningAgent, runAgent } from '../../src/agent/agent.ts'
import { type AgentConfig, parseAgentConfig } from '../../src/config/agent-config.ts'
import { systemClock } from '../../src/foundation/clock.ts'
import { silentLogger } from '../../src/foundation/logger.ts'
import { systemRandom } from '../../src/foundation/random.ts'
import { WorkloadClient } from './workload-client.ts'

export interface AgentPlace {
  /** host:port and pin of an authority, and a join token with its secret. */
  readonly authority: string
  readonly pin: string
  readonly token: string
  readonly secret?: string
  /** The directory of an earlier agent; by default a new one. */
  readonly directory?: string
  /** Additional lines of YAML. */
  readonly yaml?: string
}

export interface StartedAgent extends AsyncDisposable {
  readonly config: AgentConfig
  readonly agent: RunningAgent
  readonly directory: string
  readonly client: () => WorkloadClient
}

/**
 * Starts an agent in this process, on its own sockets. Its directory is removed with it unless it
 * was given.
 */
export async function startAgent(place: AgentPlace, deps: Partial<AgentDeps> = {}): Promise<StartedAgent> {
  const directory = place.directory ?? (await mkdtemp(path.join(tmpdir(), 'signet-agent-')))
  const file = path.join(directory, 'agent.yaml')
  const secretPath = path.join(directory, 'join-secret')
  if (place.secret !== undefined) await writeFile(secretPath, place.secret, { mode: 0o600 })
  const text = `version: 1
authority: { address: "${place.authority}", pin: "${place.pin}" }
join: { token: ${place.token}, method: secret${place.secret === undefined ? '' : `, secret_path: ${secretPath}`} }
data_dir: ${directory}/data
state_key: { path: ${directory}/state-key }
workload_api: { socket: ${directory}/run/agent.sock }
${place.yaml ?? ''}`
  const config = parseAgentConfig(text, file)
  const agent = await runAgent(config, {
    clock: systemClock,
    random: systemRandom,
    logger: silentLogger,
    environment: process.env,
    ...deps,
  })
  return {
    config,
    agent,
    directory,
    client: () => new WorkloadClient(agent.socket),
    [Symbol.asyncDispose]: async () => {
      await agent[Symbol.asyncDispose]()
      if (place.directory === undefined) await rm(directory, { recursive: true, force: true })
    },
  }
}
