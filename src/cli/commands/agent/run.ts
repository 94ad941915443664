import { existsSync } from 'node:fs'
import { getCompileCacheDir } from 'node:module'
import path from 'node:path'
import type { AgentConfig } from '../../../config/agent-settings.ts'
import { keyDirectory, surroundings } from '../../../config/places.ts'
import { systemClock } from '../../../foundation/clock.ts'
import { createDaemonLogger } from '../../../foundation/logger.ts'
import { systemRandom } from '../../../foundation/random.ts'
import { type CommandLine, withExample } from '../../command.ts'
import { runDaemon } from '../../daemon.ts'
import { UsageError } from '../../errors.ts'
import { readInput } from '../../input.ts'
import { keepYoungHeapSmall } from '../../memory.ts'
import { type Flag, withFlags } from '../../shared-flags.ts'
import { DaemonSignals } from '../../signals.ts'
import { type AgentFlags, configFromFlags } from './flags.ts'

interface Options extends AgentFlags {
  readonly config?: string
  readonly check?: boolean
  readonly untilStdinEnds?: boolean
}

const FLAGS: readonly Flag[] = [
  {
    flags: '-c, --config <file>',
    description: 'agent.yaml (default: the one in /etc/signet or ~/.config/signet)',
  },
  { flags: '--authority <host:port>', description: 'where the authority listens; instead of a file' },
  { flags: '--pin <pin>', description: "sha256:… of the authority's root" },
  { flags: '--token <name>', description: 'name of the join token' },
  {
    flags: '--secret-path <file>',
    description: 'file with its secret (default: the variable SIGNET_JOIN_SECRET)',
  },
  { flags: '--data-dir <dir>', description: 'where the agent keeps its state' },
  { flags: '--state-key <file>', description: 'the key that seals this state, outside of it' },
  { flags: '--socket <path>', description: 'where the Workload API is served' },
  { flags: '--agent-admin-socket <path>', description: 'where the admin socket is' },
  { flags: '--metrics <host:port>', description: 'where /livez, /readyz and /metrics are served' },
  { flags: '--log-level <level>', description: 'trace, debug, info, warn or error' },
  {
    flags: '--name <name>',
    description: 'tells several agents on one host apart: other default places for each',
  },
  { flags: '--check', description: 'check the configuration and end' },
  { flags: '--until-stdin-ends' },
]

export function define(command: CommandLine): void {
  withExample(
    withFlags(command, FLAGS).action(run),
    'signet agent run --config agent.yaml',
    'SIGNET_JOIN_SECRET=… signet agent run --authority authority.example.org:7443 --pin sha256:… --token builder-first',
  )
}

async function run(options: Options): Promise<void> {
  keepYoungHeapSmall()
  const signals = new DaemonSignals()
  const { text, fileName } = await configText(options)
  const config = await readConfig(text, fileName, options)
  if (options.check) return
  const logger = createDaemonLogger({ level: config.log.level, name: 'agent', clock: systemClock })
  const { runAgent } = await import('../../../agent/agent.ts')
  const deps = { clock: systemClock, random: systemRandom, logger, environment: process.env }
  await runDaemon(() => runAgent(config, deps), {
    logger,
    signals,
    untilStdinEnds: options.untilStdinEnds === true,
  })
}

/**
 * Reads the configuration, with a cache where there is a compile cache: only its owner can write to
 * either.
 */
async function readConfig(text: string, fileName: string, { check }: Options): Promise<AgentConfig> {
  const compiled = getCompileCacheDir()
  if (check || compiled === undefined) {
    const { parseAgentConfig } = await import('../../../config/agent-config.ts')
    return parseAgentConfig(text, fileName)
  }
  const { checkingProgram, loadAgentConfig } = await import('../../../config/load-agent-config.ts')
  const { ConfigCache } = await import('../../../config/config-cache.ts')
  return loadAgentConfig(text, fileName, new ConfigCache(path.join(compiled, 'configs'), checkingProgram()))
}

async function configText(options: Options): Promise<{ text: string; fileName: string }> {
  const fromFlags = configFromFlags(options, surroundings())
  if (fromFlags !== undefined) {
    if (options.config !== undefined)
      throw new UsageError('give --config or the flags of a configuration, not both')
    return { text: JSON.stringify(fromFlags), fileName: '(command line)' }
  }
  const file = options.config ?? path.join(keyDirectory(surroundings()), 'agent.yaml')
  if (options.config === undefined && !existsSync(file)) {
    throw new UsageError(`there is no ${file}: give --config, or --authority, --pin and --token`)
  }
  return readInput(file)
}
