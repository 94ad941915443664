import { existsSync } from 'node:fs'
import path from 'node:path'
import { keyDirectory, surroundings } from '../../../config/places.ts'
import { systemClock } from '../../../foundation/clock.ts'
import { createDaemonLogger } from '../../../foundation/logger.ts'
import { systemRandom } from '../../../foundation/random.ts'
import type { Command } from '../../command.ts'
import { runDaemon } from '../../daemon.ts'
import { UsageError } from '../../errors.ts'
import { readInput } from '../../input.ts'
import { keepYoungHeapSmall } from '../../memory.ts'
import { warn } from '../../output.ts'
import { DaemonSignals } from '../../signals.ts'

interface Options {
  readonly config?: string
  readonly check?: boolean
  readonly acceptAlteredDatabase?: boolean
  readonly untilStdinEnds?: boolean
}

export function define(command: Command): void {
  command
    .flag('-c, --config <file>', 'authority.yaml (default: the one in /etc/signet or ~/.config/signet)')
    .flag('--check', 'check the configuration and end')
    .flag('--accept-altered-database', 'start once with a database that was restored or changed from outside')
    .flag('--until-stdin-ends', '', { isHidden: true })
    .action(run)
    .example('signet authority run --config authority.yaml')
}

async function run(options: Options): Promise<void> {
  keepYoungHeapSmall()
  const signals = new DaemonSignals()
  const { text, fileName } = await readInput(options.config ?? defaultConfig())
  const { parseAuthorityConfig } = await import('../../../config/authority-config.ts')
  const config = parseAuthorityConfig(text, fileName)
  if (options.check) {
    const { lifetimeWarnings } = await import('../../../config/lifetime-warnings.ts')
    for (const warning of lifetimeWarnings(config)) warn(`warning: ${fileName}: ${warning}`)
    return
  }
  const logger = createDaemonLogger({ level: config.log.level, name: 'authority', clock: systemClock })
  const { runAuthority } = await import('../../../authority/authority.ts')
  const deps = { clock: systemClock, random: systemRandom, logger, environment: process.env }
  const acceptAltered = options.acceptAlteredDatabase === true
  await runDaemon(() => runAuthority(config, { ...deps, acceptAltered }), {
    logger,
    signals,
    untilStdinEnds: options.untilStdinEnds === true,
  })
}

function defaultConfig(): string {
  const file = path.join(keyDirectory(surroundings()), 'authority.yaml')
  if (existsSync(file)) return file
  throw new UsageError(`there is no ${file}: give one with --config`)
}
