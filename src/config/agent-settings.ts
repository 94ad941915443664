import path from 'node:path'
import type { z } from 'zod'
import type { agentConfigSchema } from './agent-config-schema.ts'
import type { Immutable } from './immutable.ts'
import type { JoinSettings } from './join-methods/registry.ts'
import {
  agentDataDirectory,
  baseOf,
  formerAgentDataDirectory,
  keyDirectory,
  liesInside,
  resolveSource,
  runtimeDirectory,
  surroundings,
} from './places.ts'
import type { Problem } from './problem.ts'
import type { SecretSource } from './secret-source.ts'
import { checkSocketPath } from './socket-path-problems.ts'

/**
 * The contents of an `agent.yaml`: every value is validated, but paths are as written and defaults
 * of paths are missing.
 */
export type AgentConfigData = Immutable<z.output<typeof agentConfigSchema>>

/** The settings of `signet agent run`: durations in seconds, sizes in bytes, absolute paths. */
export type AgentConfig = Omit<AgentConfigData, 'data_dir' | 'state_key' | 'workload_api' | 'admin'> & {
  readonly data_dir: string
  /**
   * The default directory of earlier versions, which was inside the authority's. Set only when
   * `data_dir` is the default.
   */
  readonly former_data_dir?: string
  readonly state_key: SecretSource
  readonly workload_api: Required<AgentConfigData['workload_api']>
  readonly admin: Required<AgentConfigData['admin']>
}

/** Makes paths absolute, and finds mistakes that involve several values. */
export function settleAgentConfig(
  data: AgentConfigData,
  fileName: string,
): { readonly config: AgentConfig; readonly problems: readonly Problem[] } {
  const here = surroundings()
  const base = baseOf(fileName)
  const data_dir = path.resolve(base, data.data_dir ?? agentDataDirectory(here))
  const former_data_dir = formerAgentDataDirectory(here, data_dir)
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
    ...checkSocketPath(['workload_api', 'socket'], socket),
    ...checkSocketPath(['admin', 'socket'], adminSocket),
  ]
  if (liesInside(data_dir, state_key)) {
    const message = 'lies inside data_dir: a backup of the data would carry its own key'
    problems.push({ path: ['state_key'], message })
  }
  problems.push(...checkSdsNames(data.sds))
  const config = {
    ...data,
    join: resolveJoin(base, data.join),
    data_dir,
    ...(former_data_dir === undefined ? {} : { former_data_dir }),
    state_key,
    workload_api: { ...data.workload_api, socket },
    admin: { socket: adminSocket },
  }
  return { config, problems }
}

/** Resolves the paths of any method: keys that end in `_path`, and values of the form `{ path: … }`. */
function resolveJoin(base: string, join: JoinSettings): JoinSettings {
  const resolved = Object.entries(join).map(([key, value]: [string, unknown]) => {
    if (key.endsWith('_path') && typeof value === 'string') return [key, path.resolve(base, value)]
    return [key, holdsPath(value) ? resolveSource(base, value) : value]
  })
  return Object.fromEntries(resolved) as JoinSettings
}

function holdsPath(value: unknown): value is { readonly path: string } {
  return typeof value === 'object' && value !== null && 'path' in value && typeof value.path === 'string'
}

/** A name can denote only one secret. */
function checkSdsNames(sds: AgentConfigData['sds']): Problem[] {
  const seen = new Set<string>()
  const { require_metadata: _isNoName, ...names } = sds
  return Object.entries(names).flatMap(([key, name]) => {
    const isTaken = seen.has(name)
    seen.add(name)
    return isTaken ? [{ path: ['sds', key], message: 'another secret has this name already' }] : []
  })
}
