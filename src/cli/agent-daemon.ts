import { existsSync } from 'node:fs'
import { getCompileCacheDir } from 'node:module'
import path from 'node:path'
import { runAgent } from '../agent/agent.ts'
import type { AgentConfig } from '../config/agent-settings.ts'
import { ConfigCache } from '../config/config-cache.ts'
import { loadAgentConfig, readingProgram } from '../config/load-agent-config.ts'
import { keyDirectory, surroundings } from '../config/places.ts'
import type { AGENT_RELOADABLE } from '../config/reloadable.ts'
import { systemClock } from '../foundation/clock.ts'
import { createDaemonLogger } from '../foundation/logger.ts'
import { systemRandom } from '../foundation/random.ts'
import { configFromFlags, type Options, withFlags } from './commands/agent/flags.ts'
import { runDaemon } from './daemon.ts'
import { daemonMain, printingFailure } from './daemon-main.ts'
import { UsageError } from './errors.ts'
import { readInput } from './input.ts'
import { reloader } from './reload.ts'
import { DaemonSignals } from './signals.ts'

/**
 * The program of `signet agent run`. It loads at once what an agent needs to serve the state that it has
 * kept, and nothing else.
 */
export const start = printingFailure(run)

export const main = daemonMain(withFlags, start)

async function run(options: Options): Promise<void> {
  const signals = new DaemonSignals()
  const { text, fileName } = await configText(options)
  const config = await readConfig(text, fileName, options)
  if (options.check) return
  const logger = createDaemonLogger({ level: config.log.level, name: 'agent', clock: systemClock })
  const deps = { clock: systemClock, random: systemRandom, logger, environment: process.env }
  await runDaemon(() => runAgent(config, deps), {
    logger,
    signals,
    untilStdinEnds: options.untilStdinEnds === true,
    environment: process.env,
    reload: ({ limit }) =>
      reloader<AgentConfig, (typeof AGENT_RELOADABLE)[number]>({
        running: config,
        read: async () => {
          const again = await configText(options)
          return readConfig(again.text, again.fileName, options)
        },
        logger,
        settings: {
          'log.level': ({ log }) => (logger.level = log.level),
          'workload_api.max_connections': limit,
          'workload_api.max_connections_per_uid': limit,
          'workload_api.max_streams_per_connection': limit,
        },
      }),
  })
}

/**
 * Reads the configuration. A bundled program with a compile cache has a cache for this, too: only the owner
 * of either can write to it.
 */
async function readConfig(text: string, fileName: string, { check }: Options): Promise<AgentConfig> {
  const compiled = getCompileCacheDir()
  const program = readingProgram()
  if (check || compiled === undefined || program === undefined) {
    const { parseAgentConfig } = await import('../config/agent-config.ts')
    return parseAgentConfig(text, fileName)
  }
  return loadAgentConfig(text, fileName, new ConfigCache(path.join(compiled, 'configs'), program))
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
