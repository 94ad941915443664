import { statSync } from 'node:fs'
import path from 'node:path'
import { version } from '../foundation/version.ts'
import { type AgentConfig, type AgentConfigData, settleAgentConfig } from './agent-settings.ts'
import type { ConfigCache } from './config-cache.ts'

/**
 * Identifies the program that reads configurations, by the file that the program is bundled into: its text
 * names every other file of the bundle, whose names change with what is in them, and each build writes it
 * anew. Undefined when the program runs from its sources, which can change one by one.
 */
export function readingProgram(): string | undefined {
  const file = import.meta.filename
  if (path.extname(file) === '.ts') return undefined
  const { size, mtimeMs, ctimeMs } = statSync(file)
  return JSON.stringify(['agent.yaml', version, path.basename(file), size, mtimeMs, ctimeMs])
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
