import { agentConfigSchema } from './agent-config-schema.ts'
import { type AgentConfig, type AgentConfigData, settleAgentConfig } from './agent-settings.ts'
import { readSingleDocument } from './config-file.ts'
import { InvalidConfigError } from './errors.ts'

export type { AgentConfig } from './agent-settings.ts'

/**
 * Parses `agent.yaml`. Reports every mistake with its line. `checked` is called with the data of a
 * valid file.
 * @throws InvalidConfigError
 */
export function parseAgentConfig(
  text: string,
  fileName: string,
  checked?: (data: AgentConfigData) => void,
): AgentConfig {
  const { document, data } = readSingleDocument(agentConfigSchema, text, fileName)
  const { config, problems } = settleAgentConfig(data, fileName)
  if (problems.length > 0) {
    throw new InvalidConfigError(problems.map(({ path, message }) => document.problem(path, message)))
  }
  checked?.(data)
  return config
}
