import { statSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { version } from '../foundation/version.ts'
import { type AgentConfig, type AgentConfigData, settleAgentConfig } from './agent-settings.ts'
import type { ConfigCache } from './config-cache.ts'

/**
 * The modules that affect how a text is read, without extension. A test compares this list with
 * what `agent-config` imports.
 */
export const CHECKED_BY = [
  'config/agent-config',
  'config/agent-settings',
  'config/config-file',
  'config/document',
  'config/errors',
  'config/fields',
  'config/join-methods/common',
  'config/join-methods/registry',
  'config/join-methods/secret',
  'config/places',
  'config/problem',
  'config/secret-source-schema',
  'config/socket-path-problems',
  'foundation/duration',
  'foundation/errors',
  'foundation/host-port',
  'foundation/socket-path-limit',
] as const

/** Libraries that affect it, too. */
export const CHECKED_WITH = ['zod', 'yaml'] as const

/** Returns a text that changes whenever any of these files changes: by an upgrade, a checkout or an edit. */
export function checkingProgram(): string {
  const { name: own, ext: ending } = path.parse(import.meta.filename)
  // A bundle contains the libraries, and its files are written anew whenever it changes.
  const files =
    own === 'load-agent-config'
      ? [
          ...CHECKED_BY.map((name) => path.join(import.meta.dirname, '..', `${name}${ending}`)),
          ...CHECKED_WITH.map((name) => fileURLToPath(import.meta.resolve(name))),
        ]
      : [import.meta.filename]
  const stamps = files.map((file) => {
    const { size, mtimeMs, ctimeMs } = statSync(file)
    return [size, mtimeMs, ctimeMs]
  })
  return JSON.stringify(['agent.yaml', version, own, stamps])
}

/**
 * Does the same as `parseAgentConfig`, but for a text that was validated before it does not load
 * the validating code.
 * @throws InvalidConfigError
 */
export async function loadAgentConfig(
  text: string,
  fileName: string,
  cache: Pick<ConfigCache, 'find' | 'keep'>,
): Promise<AgentConfig> {
  const known = cache.find(text) as AgentConfigData | undefined
  if (known !== undefined) {
    const { config, problems } = settleAgentConfig(known, fileName)
    if (problems.length === 0) return config
  }
  // With a problem the text is parsed again, because only the document knows the lines.
  const { parseAgentConfig } = await import('./agent-config.ts')
  return parseAgentConfig(text, fileName, (data) => void cache.keep(text, data))
}
