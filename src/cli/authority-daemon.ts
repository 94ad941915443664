import { runAuthority } from '../authority/authority.ts'
import { type AuthorityConfig, parseAuthorityConfig } from '../config/authority-config.ts'
import type { AUTHORITY_RELOADABLE } from '../config/reloadable.ts'
import { systemClock } from '../foundation/clock.ts'
import { createDaemonLogger } from '../foundation/logger.ts'
import { systemRandom } from '../foundation/random.ts'
import { type Options, withFlags } from './commands/authority/flags.ts'
import { runDaemon } from './daemon.ts'
import { daemonMain, printingFailure } from './daemon-main.ts'
import { defaultAuthorityConfig } from './default-authority-config.ts'
import { readInput } from './input.ts'
import { warn } from './output.ts'
import { reloader } from './reload.ts'
import { DaemonSignals } from './signals.ts'

/** The program of `signet authority run`. */
export const start = printingFailure(run)

export const main = daemonMain(withFlags, start)

async function run(options: Options): Promise<void> {
  const signals = new DaemonSignals()
  const { text, fileName } = await readInput(options.config ?? defaultAuthorityConfig())
  const config = parseAuthorityConfig(text, fileName)
  if (options.check) {
    const { lifetimeWarnings } = await import('../config/lifetime-warnings.ts')
    for (const warning of lifetimeWarnings(config)) warn(`warning: ${fileName}: ${warning}`)
    return
  }
  const logger = createDaemonLogger({ level: config.log.level, name: 'authority', clock: systemClock })
  const deps = { clock: systemClock, random: systemRandom, logger, environment: process.env }
  const acceptAltered = options.acceptAlteredDatabase === true
  await runDaemon(() => runAuthority(config, { ...deps, acceptAltered }), {
    logger,
    signals,
    untilStdinEnds: options.untilStdinEnds === true,
    environment: process.env,
    reload: ({ limit }) =>
      reloader<AuthorityConfig, (typeof AUTHORITY_RELOADABLE)[number]>({
        running: config,
        read: async () => {
          const again = await readInput(options.config ?? defaultAuthorityConfig())
          return parseAuthorityConfig(again.text, again.fileName)
        },
        logger,
        settings: {
          'log.level': ({ log }) => (logger.level = log.level),
          'limits.max_connections': limit,
          'limits.max_connections_per_address': limit,
          'limits.max_streams_per_connection': limit,
          'limits.svids_per_second': limit,
        },
      }),
  })
}
