import { existsSync } from 'node:fs'
import path from 'node:path'
import { type Command, Option } from 'commander'
import { keyDirectory, surroundings } from '../../../config/places.ts'
import { systemClock } from '../../../foundation/clock.ts'
import { createLogger } from '../../../foundation/logger.ts'
import { systemRandom } from '../../../foundation/random.ts'
import { withExample } from '../../command.ts'
import { runDaemon } from '../../daemon.ts'
import { UsageError } from '../../errors.ts'
import { readInput } from '../../input.ts'

interface Options {
  readonly config?: string
  readonly check?: boolean
  readonly untilStdinEnds?: boolean
}

export function define(command: Command): void {
  withExample(
    command
      .option('-c, --config <file>', 'authority.yaml (default: the one in /etc/signet or ~/.config/signet)')
      .option('--check', 'check the configuration and end')
      .addOption(new Option('--until-stdin-ends').hideHelp())
      .action(run),
    'signet authority run --config authority.yaml',
  )
}

async function run(options: Options): Promise<void> {
  const { text, fileName } = await readInput(options.config ?? defaultConfig())
  const { parseAuthorityConfig } = await import('../../../config/authority-config.ts')
  const config = parseAuthorityConfig(text, fileName)
  if (options.check) return
  const logger = createLogger({ level: config.log.level, name: 'authority' })
  const { runAuthority } = await import('../../../authority/authority.ts')
  const deps = { clock: systemClock, random: systemRandom, logger, environment: process.env }
  await runDaemon(() => runAuthority(config, deps), {
    logger,
    untilStdinEnds: options.untilStdinEnds === true,
  })
}

function defaultConfig(): string {
  const file = path.join(keyDirectory(surroundings()), 'authority.yaml')
  if (existsSync(file)) return file
  throw new UsageError(`there is no ${file}: give one with --config`)
}
